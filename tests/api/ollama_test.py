"""Ollama's official Python client against the server."""

import json
import unittest

import ollama
from serving import MODEL, ServerTest

HELLO = [{"role": "user", "content": "Say hello."}]


class OllamaTest(ServerTest):
    options = ()  # the model is loaded by the first request

    def setUp(self):
        self.client = ollama.Client(host=self.server.url)

    def test_chat(self):
        options = {"temperature": 0, "num_predict": 12}
        answer = self.client.chat(model=MODEL, messages=HELLO, options=options)
        self.assertTrue(answer.message.content)
        self.assertTrue(answer.done)
        self.assertGreater(answer.eval_count, 0)
        parts = list(self.client.chat(model=MODEL, messages=HELLO, options=options, stream=True))
        self.assertEqual("".join(part.message.content for part in parts), answer.message.content)
        self.assertEqual(parts[-1].done_reason, answer.done_reason)

    def test_generate(self):
        options = {"temperature": 0, "num_predict": 6}
        raw = self.client.generate(model=MODEL, prompt="One, two, three,", raw=True, options=options)
        self.assertIn("four", raw.response)
        told = self.client.generate(model=MODEL, prompt="Say hello.", system="Be brief.", options=options)
        self.assertTrue(told.response)

    def test_formats(self):
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
        answer = self.client.chat(model=MODEL, messages=HELLO, format=schema, options={"num_predict": 200})
        self.assertEqual(list(json.loads(answer.message.content)), ["n"])

    def test_tools(self):
        def add(a: int, b: int) -> int:
            """Add two numbers"""
            return a + b

        answer = self.client.chat(model=MODEL, messages=HELLO, tools=[add], options={"num_predict": 40})
        self.assertIsNotNone(answer.message)

    def test_lists(self):
        self.assertIn(MODEL, [model.model for model in self.client.list().models])
        shown = self.client.show(MODEL)
        self.assertEqual(shown.details.family, "llama")
        self.assertIn("completion", shown.capabilities)
        self.client.generate(model=MODEL, prompt="")  # loads
        self.assertIn(MODEL, [model.model for model in self.client.ps().models])

    def test_embeddings(self):
        found = self.client.embed(model=MODEL, input=["one", "two"])
        self.assertEqual([len(vector) for vector in found.embeddings], [576, 576])
        self.assertEqual(len(self.client.embeddings(model=MODEL, prompt="one").embedding), 576)

    def test_errors(self):
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.chat(model="no-such-model", messages=HELLO)
        self.assertEqual(caught.exception.status_code, 404)

    def test_zz_unload(self):
        self.client.generate(model=MODEL, prompt="", keep_alive=0)
        self.assertEqual(list(self.client.ps().models), [])


if __name__ == "__main__":
    unittest.main()
