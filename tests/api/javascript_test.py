"""The official JavaScript clients against the server (clients.mjs)."""

import os
import pathlib
import shutil
import subprocess
import unittest

from serving import MODEL, ServerTest

MODULES = pathlib.Path(os.environ.get("VIVACE_NODE_MODULES", ""))


@unittest.skipUnless(shutil.which("node") and (MODULES / "openai").is_dir(), "node or its clients are not here")
class JavaScriptTest(ServerTest):
    def test_clients(self):
        # Modules are looked for beside the script.
        script = MODULES.parent / "clients.mjs"
        shutil.copy(pathlib.Path(__file__).with_name("clients.mjs"), script)
        run = subprocess.run(["node", script, self.server.url, MODEL], capture_output=True, text=True, timeout=300)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
