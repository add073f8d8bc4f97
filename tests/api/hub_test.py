"""vivace get and the server's downloads against a local server that plays the hub's API: parts, resuming after kill -9,
breaks, wrong sums."""

import hashlib
import http.server
import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from serving import PROGRAM, Server

RNG = random.Random(4)
DATA = RNG.randbytes(40 << 20)
SMALL = RNG.randbytes(100_000)
FILES = {"Model-Q4_K_M.gguf": DATA, "Model-Q8_0.gguf": SMALL, "Split-00001-of-00002.gguf": SMALL[:7], "Split-00002-of-00002.gguf": SMALL[7:]}


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    slow = False
    broken = 0  # answers that break off
    wrong_sum = False
    asked = []

    def log_message(self, *_):
        pass

    def send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/api/models/owner/repo/tree/main"):
            files = [{"type": "file", "path": "README.md", "size": 5}]
            for name, data in FILES.items():
                digest = hashlib.sha256(b"other" if Hub.wrong_sum else data).hexdigest()
                files.append({"type": "file", "path": name, "size": 130, "lfs": {"oid": digest, "size": len(data)}})
            return self.send(200, json.dumps(files).encode())
        name = self.path.removeprefix("/owner/repo/resolve/main/")
        if name not in FILES:
            return self.send(404, b"no")
        data = FILES[name]
        begin, end = 0, len(data)
        if wanted := self.headers.get("Range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            begin, end = int(first), int(last) + 1
        Hub.asked.append((name, begin))
        part = data[begin:end]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        try:
            if Hub.broken > 0:
                Hub.broken -= 1
                self.wfile.write(part[: len(part) // 2])
                self.close_connection = True
                return
            for at in range(0, len(part), 1 << 18):
                self.wfile.write(part[at : at + (1 << 18)])
                if Hub.slow:
                    time.sleep(0.05)
        except ConnectionError:
            self.close_connection = True


def start_hub(test):
    """Its address; it runs as long as the test."""
    hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    hub.handle_error = lambda *_: None  # clients that are killed are part of the test
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    test.addCleanup(hub.server_close)
    test.addCleanup(hub.shutdown)
    return f"http://127.0.0.1:{hub.server_address[1]}"


class HubTest(unittest.TestCase):
    def setUp(self):
        Hub.slow, Hub.broken, Hub.wrong_sum, Hub.asked = False, 0, False, []
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.home = pathlib.Path(self.folder.name)
        self.environment = {**os.environ, "VIVACE_HOME": str(self.home), "HOME": str(self.home),
                            "HF_ENDPOINT": start_hub(self)}

    def get(self, *arguments):
        return subprocess.run([PROGRAM, "get", *arguments], env=self.environment, capture_output=True, text=True, timeout=120)

    def target(self, name):
        return self.home / "models" / "owner" / "repo" / name

    def test_names(self):
        for name in ("owner/repo", "owner/repo:Q4_K_M", "owner/repo/Model-Q4_K_M.gguf", "hf.co/owner/repo:q4_k_m",
                     "https://huggingface.co/owner/repo/blob/main/Model-Q4_K_M.gguf"):
            run = self.get(name)
            self.assertEqual((run.returncode, run.stdout.strip()), (0, str(self.target("Model-Q4_K_M.gguf"))), run.stderr)
        self.assertEqual(self.target("Model-Q4_K_M.gguf").read_bytes(), DATA)
        self.assertEqual(len({begin for _, begin in Hub.asked}), len(Hub.asked), "each part came once")
        self.assertEqual(self.get("owner/repo:Split").returncode, 0)
        self.assertEqual(b"".join(self.target(f"Split-0000{i}-of-00002.gguf").read_bytes() for i in (1, 2)), SMALL)
        listed = self.get("owner/repo", "--list")
        self.assertIn("Model-Q8_0.gguf", listed.stdout)

    def test_names_that_are_none(self):
        self.assertEqual(self.get("repo").returncode, 2)
        missing = self.get("owner/other")
        self.assertEqual(missing.returncode, 3, missing.stderr)
        unknown = self.get("owner/repo:Q2_K")
        self.assertEqual(unknown.returncode, 3)
        self.assertIn("Model-Q8_0", unknown.stderr)

    def test_breaks_are_mended(self):
        Hub.broken = 3
        self.assertEqual(self.get("owner/repo:Q4_K_M").returncode, 0)
        self.assertEqual(self.target("Model-Q4_K_M.gguf").read_bytes(), DATA)

    def test_a_killed_download_goes_on(self):
        Hub.slow = True
        process = subprocess.Popen([PROGRAM, "get", "owner/repo:Q4_K_M"], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        parts = self.target("Model-Q4_K_M.gguf.parts.json")
        deadline = time.time() + 60
        while time.time() < deadline and not (parts.exists() and "x" in json.loads(parts.read_text() or "{}").get("parts", "")):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(self.target("Model-Q4_K_M.gguf").exists())
        done = json.loads(parts.read_text())["parts"].count("x")
        self.assertGreater(done, 0)
        Hub.slow, Hub.asked = False, []
        self.assertEqual(self.get("owner/repo:Q4_K_M").returncode, 0)
        self.assertEqual(self.target("Model-Q4_K_M.gguf").read_bytes(), DATA)
        self.assertEqual(len(Hub.asked), 5 - done, "only what was missing")
        self.assertEqual(sorted(path.name for path in self.target("x").parent.iterdir()), ["Model-Q4_K_M.gguf"])

    def test_a_wrong_sum(self):
        Hub.wrong_sum = True
        run = self.get("owner/repo:Q8_0")
        self.assertEqual(run.returncode, 1)
        self.assertIn("checksum", run.stderr)
        self.assertEqual(list(self.target("x").parent.iterdir()), [])

    def test_the_server_downloads(self):
        server = Server(environment=self.environment)
        try:
            job = server.json("/api/v1/models/download", {"model": "owner/repo", "quantization": "Q4_K_M"})
            deadline = time.time() + 60
            while time.time() < deadline:
                state = server.json("/api/v1/models/download/status/" + job["job_id"])
                if state["status"] != "downloading":
                    break
                time.sleep(0.05)
            self.assertEqual((state["status"], state["downloaded_bytes"]), ("completed", len(DATA)))
            again = server.json("/api/v1/models/download", {"model": "owner/repo", "quantization": "Q4_K_M"})
            self.assertEqual(again["status"], "already_downloaded")
            self.assertEqual(server.ask("/api/v1/models/download/status/job_0")[0], 404)
            status, _, text = server.ask("/api/pull", {"model": "hf.co/owner/repo:Q8_0"})
            lines = [json.loads(line) for line in text.splitlines()]
            self.assertEqual((status, lines[0]["status"], lines[-1]), (200, "pulling manifest", {"status": "success"}))
            names = [model["name"] for model in server.json("/api/tags")["models"]]
            self.assertIn("Model-Q8_0", names)
            self.assertEqual(server.ask("/api/delete", {"model": "Model-Q8_0"}, method="DELETE")[0], 200)
            self.assertFalse(self.target("Model-Q8_0.gguf").exists())
        finally:
            server.stop()


if __name__ == "__main__":
    unittest.main()
