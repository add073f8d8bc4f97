"""What no client should send: bad framing, huge and slow requests, broken JSON, wrong types, clients that vanish. The
server answers with an error of the client's, or lets go, and goes on."""

import json
import random
import socket
import threading
import time
import unittest

from serving import MODEL, Server, ServerTest

HELLO = [{"role": "user", "content": "Say hello."}]


class TortureTest(ServerTest):
    def raw(self, data, timeout=5):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=timeout) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
                return b"".join(parts)
            except (ConnectionError, TimeoutError):
                return b""

    def alive(self):
        self.assertEqual(self.server.json("/health")["status"], "ok")

    def post(self, body, path="/v1/chat/completions"):
        status, _, text = self.server.ask(path, body)
        return status, text

    def test_framing(self):
        for data in (
            b"\x00" * 5000,
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\n",
            b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
            b"GET / HTTP/1.1\r\nX: \xff\xfe\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ):
            reply = self.raw(data)
            self.assertNotIn(b" 500 ", reply[:40], data[:60])
            self.alive()

    def test_bodies(self):
        for body in (
            b"",
            b"{",
            b"null",
            b"[]",
            b'"text"',
            b"\xff\xfe{}",
            b'{"messages": [{"role": "user", "content": "\xff\xc3"}], "max_tokens": 1}',
            b"[" * 200000,
            b'{"a":' * 100000,
            json.dumps({"messages": HELLO, "max_tokens": 1, **{f"k{i}": i for i in range(20000)}}).encode(),
            b'{"messages": 1e999}',
            b'{"messages": [{"role": "user", "content": "\\ud800"}], "max_tokens": 1}',
        ):
            status, text = self.post(body)
            self.assertIn(status, (200, 400), (body[:80], text[:200]))
            self.alive()

    def test_wrong_types_everywhere(self):
        values = [None, True, -1, 1e300, "x", "", [], [[]], {}, {"a": []}, "\x00", 2**63, [None], -0.0]
        paths = {
            "/v1/chat/completions": ["model", "messages", "tools", "tool_choice", "stop", "n", "seed", "logit_bias", "response_format",
                                     "stream_options", "top_logprobs", "max_tokens", "temperature", "chat_template_kwargs"],
            "/v1/completions": ["prompt", "stop", "logprobs", "echo"],
            "/v1/responses": ["input", "tools", "text", "reasoning", "previous_response_id", "instructions", "metadata"],
            "/v1/messages": ["messages", "system", "tools", "tool_choice", "stop_sequences", "thinking", "max_tokens"],
            "/v1/embeddings": ["input", "encoding_format", "pooling"],
            "/api/chat": ["messages", "tools", "format", "options", "keep_alive", "think"],
            "/api/generate": ["prompt", "system", "format", "options", "images"],
            "/api/v1/chat": ["input", "system_prompt", "reasoning", "integrations", "previous_response_id"],
            "/api/v1/models/load": ["context_length", "eval_batch_size"],
            "/api/show": ["model"],
        }
        base = {"model": MODEL, "messages": HELLO, "prompt": "x", "input": "x", "max_tokens": 1, "max_output_tokens": 1,
                "options": {"num_predict": 1}, "stream": False}
        usable = {"/v1/chat/completions": ("messages", "max_tokens"), "/v1/completions": ("prompt", "max_tokens"),
                  "/v1/responses": ("input", "max_output_tokens"), "/v1/messages": ("messages", "max_tokens"),
                  "/v1/embeddings": ("input",), "/api/chat": ("messages", "options"), "/api/generate": ("prompt", "options"),
                  "/api/v1/chat": ("input", "max_output_tokens"), "/api/v1/models/load": (), "/api/show": ()}
        for path, fields in paths.items():
            for field in fields:
                for value in values:
                    body = {"model": MODEL, **{key: base[key] for key in usable[path]}, field: value}
                    if path.startswith("/api/") and not path.startswith("/api/v1"):
                        body["stream"] = False
                    if path == "/api/v1/models/load":
                        body = {"model": "no-such-model", field: value}
                    status, text = self.post(body, path)
                    self.assertLess(status, 500, (path, field, value, text[:300]))

    def test_clients_that_vanish(self):
        rng = random.Random(3)
        body = json.dumps({"model": MODEL, "messages": HELLO, "stream": True, "max_tokens": 400}).encode()
        request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for i in range(60):
            connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=5)
            connection.sendall(request[: rng.randrange(len(request))] if i % 3 == 0 else request)
            if i % 3 == 1:
                connection.recv(rng.randrange(1, 2000))
            connection.close()
        deadline = time.time() + 30
        while time.time() < deadline:
            _, _, metrics = self.server.ask("/metrics")
            if f'vivace_requests{{model="{MODEL}",state="running"}} 0' in metrics:
                break
            time.sleep(0.1)
        else:
            self.fail("answers that nobody reads go on")
        self.alive()

    def test_more_than_it_can_take_is_refused(self):
        server = Server(MODEL, "--parallel", "1", "--max-waiting", "2")
        try:
            codes = []

            def ask():
                codes.append(server.ask("/v1/chat/completions", {"messages": HELLO, "max_tokens": 120, "temperature": 0})[:2])

            threads = [threading.Thread(target=ask) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            refused = [headers for code, headers in codes if code == 503]
            self.assertTrue(refused)
            self.assertTrue(any(code == 200 for code, _ in codes))
            self.assertTrue(all(headers["Retry-After"] for headers in refused))
        finally:
            server.stop()

    def test_tokens_and_other_sites(self):
        server = Server("--api-key", "secret", "--cors")
        try:
            self.assertEqual(server.ask("/v1/models")[0], 401)
            self.assertEqual(server.ask("/v1/models", headers={"Authorization": "Bearer wrong"})[0], 401)
            status, headers, _ = server.ask("/v1/models", headers={"Authorization": "Bearer secret"})
            self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "*"))
            self.assertEqual(server.ask("/v1/models", headers={"x-api-key": "secret"})[0], 200)
            self.assertEqual(server.ask("/v1/chat/completions", method="OPTIONS")[0], 204)
            self.assertEqual(server.ask("/health")[0], 200)
        finally:
            server.stop()

    def test_the_end_lets_answers_finish(self):
        server = Server(MODEL)
        got = []

        def ask():
            got.append(server.ask("/v1/chat/completions", {"messages": HELLO, "max_tokens": 150, "ignore_eos": True})[0])

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.3)
        code, said = server.stop()
        thread.join()
        self.assertEqual((code, got), (0, [200]), said)


if __name__ == "__main__":
    unittest.main()
