"""The commands that go with a server: ls, ps, load, unload, bench --server."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from serving import MODEL, PROGRAM, Server, ServerTest, model_path


class CommandsTest(ServerTest):
    options = ()

    def run_vivace(self, *arguments, code=0, say="", environment=None, errors=False):
        run = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, input=say,
                             env={**os.environ, **(environment or {})})
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run.stderr if code or errors else run.stdout

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

    def test_2_run_and_chat_by_the_server(self):
        question = ("Name three colours.", "--temperature", "0", "--max-tokens", "12", "--json", "--logprobs", "2")
        here = json.loads(self.run_vivace("run", MODEL, *question))
        there = json.loads(self.run_vivace("run", MODEL, *question, "--server", self.server.url))
        for name in ("text", "ids", "logprobs", "finish_reason", "stop_string"):
            self.assertEqual(here[name], there[name])
        self.assertEqual(here["usage"]["prompt_tokens"], there["usage"]["prompt_tokens"])
        self.assertEqual((there["settings"]["server"], there["settings"]["model"]), (self.server.url, MODEL))
        self.assertGreater(there["settings"]["context_length"], 0)
        self.assertGreater(there["timings"]["first_token_seconds"], 0)

        sampled = ("Tell me a story.", "--seed", "7", "--max-tokens", "12", "--system", "Be brief.", "--quiet",
                   "--repeat-penalty", "1.3", "--repeat-window", "-1", "--presence-penalty", "3", "--logit-bias", "260:-inf")
        self.assertEqual(self.run_vivace("run", MODEL, *sampled),
                         self.run_vivace("run", MODEL, *sampled, "--server", self.server.url))
        raw = ("Once upon a time", "--raw", "--temperature", "0", "--max-tokens", "12", "--stop", ",", "--quiet")
        self.assertEqual(self.run_vivace("run", MODEL, *raw), self.run_vivace("run", MODEL, *raw, "--server", self.server.url))

        talk = "My name is Ann.\nWhat is my name?\n/system Be brief.\nHello\n"
        options = ("--temperature", "0", "--max-tokens", "16")
        self.assertEqual(self.run_vivace("chat", MODEL, *options, say=talk),
                         self.run_vivace("chat", MODEL, *options, "--server", self.server.url, say=talk))

    def test_3_which_server_answers(self):
        ours = {"VIVACE_SERVER": self.server.url}
        asked = ("Hello", "--max-tokens", "2", "--json", "--quiet")
        settings = json.loads(self.run_vivace("run", MODEL, *asked, environment=ours))["settings"]
        self.assertEqual(settings["server"], self.server.url)
        path = model_path()
        settings = json.loads(self.run_vivace("run", path, *asked, environment=ours))["settings"]
        self.assertEqual(settings["model"], path)
        with tempfile.TemporaryDirectory() as folder:  # a file that the server does not know is loaded here
            elsewhere = shutil.copy(path, os.path.join(folder, "elsewhere.gguf"))
            told = json.loads(self.run_vivace("run", elsewhere, *asked, environment=ours))
            self.assertNotIn("server", told["settings"])
        # An option about the load means a load of one's own, and so does a server that is not there.
        settings = json.loads(self.run_vivace("run", MODEL, *asked, "--threads", "1", environment=ours))["settings"]
        self.assertEqual(settings["threads"], 1)
        nobody = {"VIVACE_SERVER": "http://127.0.0.1:1"}
        self.assertNotIn("server", json.loads(self.run_vivace("run", MODEL, *asked, environment=nobody))["settings"])
        # One that is named must be there, have the model, and be left its own settings.
        self.assertIn("vivace serve", self.run_vivace("run", MODEL, *asked, "--server", "http://127.0.0.1:1", code=1))
        self.assertIn("nothing", self.run_vivace("run", "nothing", *asked, "--server", self.server.url, code=3))
        self.assertIn("vivace load", self.run_vivace("run", MODEL, *asked, "--server", self.server.url, "--threads", "1",
                                                     code=2))
        self.assertIn("room for an answer", self.run_vivace("run", MODEL, "word " * 9000, "--server", self.server.url, code=2))
        self.assertIn("levers are those of the server",
                      self.run_vivace("chat", MODEL, "--server", self.server.url, say="/set parallel 2\n", errors=True))

    def test_4_an_interrupt_ends_the_answer_on_the_server(self):
        asked = [PROGRAM, "run", MODEL, "Tell me a story.", "--ignore-eos", "--quiet", "--server", self.server.url]
        client = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(client.stdout.read(1))
        client.send_signal(signal.SIGINT)
        client.communicate(timeout=60)
        self.assertEqual(client.returncode, 130)
        running = 'state="running"} 0'
        for _ in range(100):
            if running in self.server.ask("/metrics")[2]:
                break
            time.sleep(0.05)
        self.assertIn(running, self.server.ask("/metrics")[2])

    def test_5_a_server_with_a_token(self):
        guarded = Server("--api-key", "secret")
        try:
            asked = ("run", MODEL, "Hello", "--max-tokens", "2", "--json", "--quiet", "--server", guarded.url)
            self.assertIn("VIVACE_API_KEY", self.run_vivace(*asked, code=1))
            told = json.loads(self.run_vivace(*asked, environment={"VIVACE_API_KEY": "secret"}))
            self.assertEqual(told["settings"]["server"], guarded.url)
            self.assertIn(MODEL, self.run_vivace("ps", "--server", guarded.url, environment={"VIVACE_API_KEY": "secret"}))
        finally:
            guarded.stop()

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
