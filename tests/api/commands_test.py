"""The commands that go with a server: ls, ps, load, unload, bench --server."""

import json
import subprocess
import unittest

from serving import MODEL, PROGRAM, ServerTest


class CommandsTest(ServerTest):
    options = ()

    def run_vivace(self, *arguments, code=0):
        run = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run.stdout if code == 0 else run.stderr

    def test_1_models_of_the_server(self):
        at = ("--server", self.server.url)
        self.assertIn("no models are loaded", self.run_vivace("ps", *at))
        self.assertIn("loaded in", self.run_vivace("load", MODEL, "--context-length", "512", *at))
        loaded = json.loads(self.run_vivace("ps", "--json", *at))
        self.assertEqual((loaded[0]["model"], loaded[0]["config"]["context_length"]), (MODEL, 512))
        self.assertIn(MODEL, self.run_vivace("ps", *at))
        self.assertIn("unloaded", self.run_vivace("unload", loaded[0]["instance"], *at))
        self.assertIn("no model is loaded", self.run_vivace("unload", "nothing", *at, code=3))
        self.assertIn("vivace serve", self.run_vivace("ps", "--server", "http://127.0.0.1:1", code=1))

    def test_ls(self):
        names = [model["model"] for model in json.loads(self.run_vivace("ls", "--json"))]
        self.assertIn(MODEL, names)
        self.assertIn(MODEL, self.run_vivace("ls"))
        self.assertIn("would remove", self.run_vivace("rm", MODEL))

    def test_bench(self):
        told = json.loads(self.run_vivace("bench", MODEL, "--server", self.server.url, "--clients", "3", "--requests", "2",
                                          "--prompt", "20", "--generate", "8", "--json"))
        self.assertEqual((told["requests"], told["failed"], told["generated_tokens"]), (6, 0, 48))
        self.assertGreater(told["generated_tokens_per_second"], 0)
        text = self.run_vivace("bench", MODEL, "--server", self.server.url, "--clients", "2", "--requests", "1", "--generate", "4",
                               "--prompt", "8", "--rate", "20")
        self.assertIn("first token", text)


if __name__ == "__main__":
    unittest.main()
