"""Anthropic's official Python client against the server."""

import unittest

import anthropic
from serving import MODEL, ServerTest

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
                     "additionalProperties": False},
}


class AnthropicTest(ServerTest):
    def setUp(self):
        self.client = anthropic.Anthropic(base_url=self.server.url, api_key="none", max_retries=0)

    def test_message(self):
        message = self.client.messages.create(model=MODEL, max_tokens=12, messages=HELLO, system="Be brief.", extra_body={"temperature": 0})
        self.assertEqual(message.role, "assistant")
        self.assertTrue(message.content[0].text)
        self.assertIn(message.stop_reason, ("end_turn", "max_tokens"))
        self.assertGreater(message.usage.output_tokens, 0)

    def test_stream(self):
        whole = self.client.messages.create(model=MODEL, max_tokens=16, messages=HELLO, extra_body={"temperature": 0})
        with self.client.messages.stream(model=MODEL, max_tokens=16, messages=HELLO, extra_body={"temperature": 0}) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, whole.content[0].text)
        self.assertEqual(final.content[0].text, text)
        self.assertEqual(final.stop_reason, whole.stop_reason)
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)

    def test_blocks_and_stop_sequences(self):
        message = self.client.messages.create(
            model=MODEL,
            max_tokens=40,
            system=[{"type": "text", "text": "Be brief."}],
            messages=[{"role": "user", "content": [{"type": "text", "text": "Count from one to ten in words."}]}],
            stop_sequences=["e"],
            extra_body={"temperature": 0},
        )
        self.assertEqual((message.stop_reason, message.stop_sequence), ("stop_sequence", "e"))

    def test_tools(self):
        ask = {"model": MODEL, "max_tokens": 200, "tools": [WEATHER], "tool_choice": {"type": "any"}, "extra_body": {"temperature": 0},
               "messages": [{"role": "user", "content": "Weather in Rome?"}]}
        message = self.client.messages.create(**ask)
        self.assertEqual(message.stop_reason, "tool_use")
        call = next(block for block in message.content if block.type == "tool_use")
        self.assertEqual(call.name, "get_weather")
        self.assertIsInstance(call.input["city"], str)
        with self.client.messages.stream(**ask) as stream:
            final = stream.get_final_message()
        self.assertEqual(next(b for b in final.content if b.type == "tool_use").name, "get_weather")
        follow = ask["messages"] + [
            {"role": "assistant", "content": [block.model_dump() for block in message.content]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny."}]},
        ]
        last = self.client.messages.create(model=MODEL, max_tokens=16, tools=[WEATHER], messages=follow, extra_body={"temperature": 0})
        self.assertTrue(last.content)

    def test_count_tokens(self):
        count = self.client.messages.count_tokens(model=MODEL, messages=HELLO)
        message = self.client.messages.create(model=MODEL, max_tokens=1, messages=HELLO)
        usage = message.usage
        self.assertEqual(count.input_tokens, usage.input_tokens + (usage.cache_read_input_tokens or 0))

    def test_errors(self):
        with self.assertRaises(anthropic.NotFoundError):
            self.client.messages.create(model="no-such-model", max_tokens=1, messages=HELLO)
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.client.messages.create(model=MODEL, max_tokens=0, messages=HELLO)
        self.assertEqual(caught.exception.body["error"]["type"], "invalid_request_error")


if __name__ == "__main__":
    unittest.main()
