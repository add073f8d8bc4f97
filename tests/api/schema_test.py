"""schemathesis sends what the OpenAPI description allows and forbids: no answer may be the server's own failure.

VIVACE_SCHEMA_EXAMPLES sets how many requests per operation (default 8)."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from serving import MODEL, ServerTest

EXAMPLES = os.environ.get("VIVACE_SCHEMA_EXAMPLES", "8")


class SchemaTest(ServerTest):
    options = (MODEL, "--context-length", "96")  # answers are short then, whatever is asked for

    def test_every_operation(self):
        program = pathlib.Path(sys.executable).with_name("schemathesis")
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                [program, "run", self.server.url + "/openapi.json", "--checks", "not_a_server_error,content_type_conformance",
                 "--max-examples", EXAMPLES, "--phases", "fuzzing", "--request-timeout", "60", "--seed", "1",
                 "--exclude-path", "/api/v1/models/load", "--no-color"],
                capture_output=True, text=True, cwd=folder, timeout=1200)
        self.assertEqual(run.returncode, 0, run.stdout[-6000:] + run.stderr[-2000:])
        self.assertEqual(self.server.json("/health")["status"], "ok")


if __name__ == "__main__":
    unittest.main()
