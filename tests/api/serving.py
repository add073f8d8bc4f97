"""Starts the built server with the default model for a test, on a port of its own."""

import json
import os
import re
import subprocess
import unittest
import urllib.error
import urllib.request

PROGRAM = os.environ["VIVACE_PROGRAM"]
os.environ["VIVACE_SERVER"] = "none"  # whatever else runs on this machine
MODEL = "smollm2-135m-instruct"


def model_path():
    models = json.loads(subprocess.run([PROGRAM, "ls", "--json"], capture_output=True, check=True).stdout)
    return next(model["path"] for model in models if model["model"] == MODEL)


def make_home(folder):
    """A home with the default model and nothing else: the environment that means it."""
    os.mkdir(os.path.join(folder, "models"))
    os.symlink(model_path(), os.path.join(folder, "models", MODEL + ".gguf"))
    return {"VIVACE_HOME": str(folder), "HOME": str(folder)}


class Server:
    def __init__(self, *options, environment=None):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--keep-chats", "off", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})},
        )
        line = self.process.stdout.readline()
        found = re.match(r"listening on (https?)://127\.0\.0\.1:(\d+)$", line.strip())
        if not found:
            self.process.kill()
            raise RuntimeError(f"the server said {line!r} and {self.process.stderr.read()!r}")
        self.port = int(found.group(2))
        self.url = f"{found.group(1)}://127.0.0.1:{self.port}"

    def stop(self):
        """Ends it as a service manager does; returns its exit code and what it said on standard error."""
        self.process.terminate()
        try:
            _, said = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, said = self.process.communicate()
        return self.process.returncode, said

    def ask(self, path, body=None, method=None, headers=None):
        """(status, headers, text)"""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def json(self, path, body=None, method=None):
        status, _, text = self.ask(path, body, method)
        if status != 200:
            raise AssertionError(f"{path}: {status} {text}")
        return json.loads(text)

    def events(self, path, body):
        """[(event, data)] of a stream of server-sent events."""
        status, headers, text = self.ask(path, body)
        assert status == 200, text
        assert headers["Content-Type"] == "text/event-stream", headers["Content-Type"]
        found = []
        for frame in text.split("\n\n"):
            event, data = "", ""
            for line in frame.split("\n"):
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
            if data:
                found.append((event, data if data == "[DONE]" else json.loads(data)))
        return found


class ServerTest(unittest.TestCase):
    """One server for all tests of a class."""

    options = (MODEL,)

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options)

    @classmethod
    def tearDownClass(cls):
        code, said = cls.server.stop()
        if code != 0:
            raise AssertionError(f"the server ended with {code}: {said}")
