"""Each allocation, system call, thread start and SQLite call of the server fails in turn, while it loads, answers and
downloads: the server lives, the request ends with its result or an error, and the next one is right.

tests/faults/fault_preload.c makes them fail. VIVACE_FAULTS=all: every call instead of ever fewer."""

import contextlib
import http.client
import json
import mmap
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

from hub_test import start_hub
from serving import MODEL, PROGRAM, Server, make_home

LIBRARY = os.environ.get("VIVACE_FAULT_LIBRARY", "")
WAIT = 60  # seconds, after which an answer counts as missing
FIRST = 6  # calls that all fail, before fewer do
EVERY_CALL = os.environ.get("VIVACE_FAULTS") == "all"
FAULTS = [  # name, call, bytes below which allocations don't count, calls in a row
    ("allocations", "malloc", 0, 1),
    ("large allocations", "malloc", 16384, 1),
    ("large allocations and the reserve", "malloc", 65536, 2),  # small ones: JSON's destructors need them
    ("accept", "accept", 0, 1),
    ("send", "send", 0, 1),
    ("receive", "receive", 0, 1),
    ("threads", "thread", 0, 1),
    ("open", "open", 0, 1),
    ("read", "read", 0, 1),
    ("pread", "pread", 0, 1),
    ("mmap", "mmap", 0, 1),
    ("fstat", "fstat", 0, 1),
    ("write", "write", 0, 1),
    ("pwrite", "pwrite", 0, 1),
    ("fsync", "fsync", 0, 1),
    ("rename", "rename", 0, 1),
    ("sqlite", "sqlite", 0, 1),
]
CONTROL = struct.Struct("iiqqq32s")  # as in fault_preload.c


class Control:
    """Says which call of the server fails next."""

    def __init__(self, path):
        path.write_bytes(bytes(CONTROL.size))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), CONTROL.size)

    def arm(self, number, call, least_bytes, times):
        self.memory[:] = CONTROL.pack(0, times, 0, number, least_bytes, call.encode())
        self.memory[0:1] = b"\x01"

    def disarm(self):
        """Whether the fault came."""
        came = self.memory[0] == 0
        self.memory[0:1] = b"\x00"
        return came


class Broken(Exception):
    """The connection ended before the response did."""


def exchange(server, path, body=None, method=None):
    """(status, text) on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
    with contextlib.closing(connection):
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method or ("GET" if body is None else "POST"), path, data)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except TimeoutError:
            raise
        except (http.client.HTTPException, OSError) as error:
            raise Broken(str(error)) from error


def chat(**more):
    return {"model": MODEL, "max_tokens": 4, "temperature": 0, "messages": [{"role": "user", "content": "Say hello."}], **more}


def text_of_events(text):
    """What a stream of chat chunks says; an error event raises."""
    said = ""
    for line in text.splitlines():
        if line.startswith("data: {"):
            data = json.loads(line[6:])
            if "error" in data:
                raise Broken(data["error"]["message"])
            said += "".join(choice["delta"].get("content") or "" for choice in data["choices"])
    if "data: [DONE]" not in text:
        raise Broken("the stream broke off")
    return said


SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}}


def asking(name, pick, path, body=None):
    """A scenario: one request, and what of its response has to be the same each time."""
    def scenario(server):
        status, text = exchange(server, path, body)
        return status, pick(text) if status == 200 else text
    scenario.__name__ = name
    return scenario


def content(text):
    return json.loads(text)["choices"][0]["message"]["content"]


ask_chat = asking("ask_chat", content, "/v1/chat/completions", chat())


def load(server):
    """Unloads, and loads for a request."""
    for _ in range(2):
        with contextlib.suppress(Broken):
            exchange(server, "/api/v1/models/unload", {"instance_id": MODEL})
    return ask_chat(server)


def ask_again(server):
    """Two turns, of which the server keeps the first, in memory and on disk."""
    said = []
    for question in "Say hello.", "Say it again.":
        body = {"model": MODEL, "max_output_tokens": 4, "temperature": 0, "input": question}
        status, text = exchange(server, "/v1/responses", {**body, **({"previous_response_id": said[-1]["id"]} if said else {})})
        if status != 200:
            return status, text
        said.append(json.loads(text))
    return 200, [response["output"][0]["content"][0]["text"] for response in said]


def download(server):
    exchange(server, "/api/delete", {"model": "Model-Q8_0"}, "DELETE")
    status, text = exchange(server, "/api/pull", {"model": "hf.co/owner/repo:Q8_0", "stream": False})
    return status, text if status != 200 else json.loads(text)


SCENARIOS = [
    ask_chat,
    asking("ask_stream", text_of_events, "/v1/chat/completions", chat(stream=True)),
    asking("ask_json", content, "/v1/chat/completions", chat(response_format=SCHEMA, max_tokens=12)),
    asking("ask_embedding", lambda text: json.loads(text)["data"][0]["embedding"], "/v1/embeddings", {"model": MODEL, "input": "hello"}),
    asking("ask_plan", lambda text: sorted(json.loads(text)), f"/api/v1/plan?model={MODEL}"),
    asking("ask_tags", lambda text: [model["name"] for model in json.loads(text)["models"]], "/api/tags"),
    ask_again,
    load,
    download,
]


@unittest.skipIf(not LIBRARY, "did not run: faults of the server by preloading (the sanitizers come first)")
class FaultsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        home = pathlib.Path(folder.name)
        self.control = Control(home / "control")
        places = make_home(home)
        bench = [PROGRAM, "bench", MODEL, "--prompt", "8", "--generate", "2", "--repeat", "1", "--gpu-layers", "0"]
        subprocess.run(bench, env={**os.environ, **places}, capture_output=True, check=True)  # there is a database then
        self.environment = {
            **places, "HF_ENDPOINT": start_hub(self),
            "LD_PRELOAD": LIBRARY, "VIVACE_FAULT_CONTROL": str(home / "control"),
        }
        self.server = self.start()
        self.addCleanup(lambda: self.server.stop())

    def start(self):
        options = ["--gpu-layers", "0", "--context-length", "512", "--keep-chats", "on"]
        return Server(*options, environment=self.environment)

    def whole(self, scenario):
        status, result = scenario(self.server)
        self.assertEqual(status, 200, result)
        return result

    def check_number(self, scenario, fault, number, expected):
        """One fault; whether it came."""
        what = f"{fault[0]}, call {number}"
        self.control.arm(number, *fault[1:])
        try:
            status, result = scenario(self.server)
            if status == 200:
                self.assertEqual(result, expected, what)
            else:
                self.assertIn("error", json.loads(result), what)
                self.assertGreaterEqual(status, 400, what)
        except Broken:
            pass
        except TimeoutError:
            self.fail(f"{what}: no answer")
        finally:
            came = self.control.disarm()
        if self.has_ended():
            code, said = self.server.stop()
            self.server = self.start()
            self.fail(f"{what}: the server ended with {code}: {said[-2000:]}")
        self.assertEqual(self.whole(scenario), expected, f"after {what}")
        return came

    def has_ended(self):
        """Whether the server is gone; one that has died takes a moment to be seen so."""
        with contextlib.suppress(Broken):
            exchange(self.server, "/health")
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.process.wait(timeout=2)
        return self.server.process.poll() is not None

    def check(self, scenario):
        expected = self.whole(scenario)
        counts = []
        for fault in FAULTS:
            with self.subTest(fault=fault[0]):
                number, came = 0, True
                while came:
                    came = self.check_number(scenario, fault, number, expected)
                    number += 1 if EVERY_CALL or number < FIRST else number // 2
                counts.append(f"{fault[0]} {number}")
        print(f"{scenario.__name__}: " + ", ".join(counts), flush=True)


for scenario in SCENARIOS:
    setattr(FaultsTest, f"test_{scenario.__name__}", lambda self, scenario=scenario: self.check(scenario))


if __name__ == "__main__":
    unittest.main()
