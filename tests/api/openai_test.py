"""OpenAI's official Python client, and litellm, against the server."""

import base64
import json
import os
import struct
import threading
import unittest

import openai
from serving import MODEL, ServerTest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
HELLO = [{"role": "user", "content": "Say hello."}]


class OpenAiTest(ServerTest):
    def setUp(self):
        self.client = openai.OpenAI(base_url=self.server.url + "/v1", api_key="none", max_retries=0)

    def test_models(self):
        self.assertIn(MODEL, [model.id for model in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve(MODEL).object, "model")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("no-such-model")

    def test_chat(self):
        answer = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=12, temperature=0)
        self.assertTrue(answer.choices[0].message.content)
        self.assertIn(answer.choices[0].finish_reason, ("stop", "length"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        again = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=12, temperature=0)
        self.assertEqual(again.choices[0].message.content, answer.choices[0].message.content)

    def test_stream_says_the_same(self):
        whole = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=24, temperature=0)
        text, usage, reason = "", None, None
        stream = self.client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=24, temperature=0, stream=True, stream_options={"include_usage": True}
        )
        for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                reason = choice.finish_reason or reason
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(reason, whole.choices[0].finish_reason)
        self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)

    def test_stop_and_length(self):
        answer = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=3, temperature=0)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 3)
        first = answer.choices[0].message.content.split()[0]
        stopped = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=30, temperature=0, stop=[first])
        self.assertEqual(stopped.choices[0].finish_reason, "stop")
        self.assertNotIn(first, stopped.choices[0].message.content)

    def test_seed_and_choices(self):
        ask = {"model": MODEL, "messages": HELLO, "max_tokens": 16, "temperature": 1.2, "seed": 5, "n": 3}
        first = self.client.chat.completions.create(**ask)
        again = self.client.chat.completions.create(**ask)
        texts = [choice.message.content for choice in first.choices]
        self.assertEqual(len(texts), 3)
        self.assertGreater(len(set(texts)), 1)
        self.assertEqual(texts, [choice.message.content for choice in again.choices])

    def test_logprobs(self):
        answer = self.client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=5, temperature=0, logprobs=True, top_logprobs=3
        )
        tokens = answer.choices[0].logprobs.content
        self.assertEqual(len(tokens), answer.usage.completion_tokens)
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertLessEqual(token.logprob, 0)
            self.assertEqual(token.top_logprobs[0].token, token.token)

    def test_logit_bias(self):
        plain = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1, temperature=0, logprobs=True)
        token = plain.choices[0].logprobs.content[0].token
        other = self.client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=1, temperature=0, logprobs=True, logit_bias={"28": 100}
        )
        self.assertNotEqual(other.choices[0].logprobs.content[0].token, token)
        with self.assertRaises(openai.BadRequestError):
            self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1, logit_bias={"99999999": 1})

    def test_json_schema(self):
        schema = {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
            "required": ["name", "age"],
            "additionalProperties": False,
        }
        for temperature in (0, 1.5):
            answer = self.client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "Describe a person."}],
                max_tokens=200,
                temperature=temperature,
                response_format={"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}},
            )
            person = json.loads(answer.choices[0].message.content)
            self.assertEqual(set(person), {"name", "age"})
            self.assertIsInstance(person["age"], int)
            self.assertEqual(answer.choices[0].finish_reason, "stop")

    def test_json_object_regex_and_grammar(self):
        answer = self.client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=300, temperature=0, response_format={"type": "json_object"}
        )
        self.assertTrue(answer.choices[0].message.content.lstrip().startswith("{"))
        for extra in (
            {"response_format": {"type": "regex", "pattern": "(yes|no)"}},
            {"grammar": 'root ::= "yes" | "no"'},
        ):
            answer = self.client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=10, extra_body=extra)
            self.assertIn(answer.choices[0].message.content, ("yes", "no"))
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model=MODEL, messages=HELLO, extra_body={"grammar": "root ::= ("})
        self.assertIn("grammar", str(caught.exception))

    def test_tools(self):
        ask = {"model": MODEL, "messages": [{"role": "user", "content": "The weather in Rome, for 2 days?"}],
               "tools": [WEATHER], "tool_choice": "required", "max_tokens": 200, "temperature": 0}
        answer = self.client.chat.completions.create(**ask)
        choice = answer.choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        call = choice.message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        arguments = json.loads(call.function.arguments)
        self.assertIsInstance(arguments["days"], int)
        name, text, ids, reason = "", "", set(), None
        for chunk in self.client.chat.completions.create(stream=True, **ask):
            for part in chunk.choices[0].delta.tool_calls or []:
                name += part.function.name or ""
                text += part.function.arguments or ""
                if part.id:
                    ids.add(part.id)
            reason = chunk.choices[0].finish_reason or reason
        self.assertEqual((name, reason, len(ids)), ("get_weather", "tool_calls", 1))
        self.assertIn("city", json.loads(text))
        follow = ask["messages"] + [
            choice.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 25 degrees."},
        ]
        last = self.client.chat.completions.create(model=MODEL, messages=follow, tools=[WEATHER], max_tokens=20)
        self.assertIsNotNone(last.choices[0])
        with self.assertRaises(openai.BadRequestError):
            self.client.chat.completions.create(
                **{**ask, "tool_choice": {"type": "function", "function": {"name": "unknown"}}})

    def test_completions(self):
        answer = self.client.completions.create(model=MODEL, prompt="One, two, three,", max_tokens=6, temperature=0, logprobs=2, echo=True)
        self.assertTrue(answer.choices[0].text.startswith("One, two, three,"))
        self.assertEqual(len(answer.choices[0].logprobs.tokens), 6)
        text = "".join(
            chunk.choices[0].text
            for chunk in self.client.completions.create(model=MODEL, prompt="One, two, three,", max_tokens=6, temperature=0, stream=True)
        )
        self.assertEqual("One, two, three," + text, answer.choices[0].text)
        by_ids = self.client.completions.create(model=MODEL, prompt=[28, 29, 30], max_tokens=2)
        self.assertEqual(by_ids.usage.prompt_tokens, 3)

    def test_embeddings(self):
        texts = ["a cat sat on the mat", "a kitten sat on the rug", "interest rates rose in March"]
        for pooling in ("last", "mean"):
            found = self.client.embeddings.create(model=MODEL, input=texts, encoding_format="float", extra_body={"pooling": pooling})
            vectors = [item.embedding for item in found.data]
            self.assertEqual([len(v) for v in vectors], [576] * 3)
            dot = lambda a, b: sum(x * y for x, y in zip(a, b))
            self.assertAlmostEqual(dot(vectors[0], vectors[0]), 1, 3)
            self.assertGreater(dot(vectors[0], vectors[1]), dot(vectors[0], vectors[2]))
        coded = self.server.json("/v1/embeddings", {"input": texts[0], "encoding_format": "base64"})
        raw = base64.b64decode(coded["data"][0]["embedding"])
        floats = self.server.json("/v1/embeddings", {"input": texts[0]})["data"][0]["embedding"]
        for a, b in zip(struct.unpack(f"<{len(raw) // 4}f", raw), floats):
            self.assertAlmostEqual(a, b, 5)
        self.assertEqual(coded["usage"]["prompt_tokens"], coded["usage"]["total_tokens"])

    def test_responses(self):
        first = self.client.responses.create(model=MODEL, input="My name is Ada.", instructions="Be brief.", max_output_tokens=16, temperature=0)
        self.assertTrue(first.output_text)
        second = self.client.responses.create(model=MODEL, input="What is my name?", previous_response_id=first.id, max_output_tokens=16, temperature=0)
        self.assertGreater(second.usage.input_tokens, first.usage.input_tokens)
        self.assertEqual(self.client.responses.retrieve(first.id).id, first.id)
        kinds, text, final = [], "", None
        with self.client.responses.stream(model=MODEL, input="Hi", max_output_tokens=8, temperature=0) as stream:
            for event in stream:
                kinds.append(event.type)
                if event.type == "response.output_text.delta":
                    text += event.delta
                if event.type in ("response.completed", "response.incomplete"):
                    final = event.response
        self.assertEqual(final.output_text, text)
        self.assertEqual(kinds[0], "response.created")
        self.assertIn(kinds[-1], ("response.completed", "response.incomplete"))
        self.client.responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.create(model=MODEL, input="x", previous_response_id=first.id)

    def test_responses_call_tools(self):
        flat = {"type": "function", **WEATHER["function"]}
        response = self.client.responses.create(model=MODEL, input="Weather in Rome?", tools=[flat], tool_choice="required", max_output_tokens=200, temperature=0)
        call = next(item for item in response.output if item.type == "function_call")
        self.assertEqual(call.name, "get_weather")
        answer = self.client.responses.create(
            model=MODEL,
            previous_response_id=response.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."}],
            max_output_tokens=16,
            temperature=0,
        )
        self.assertTrue(answer.output)

    def test_errors(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="no-such-model", messages=HELLO)
        self.assertEqual(caught.exception.code, "model_not_found")
        self.assertIn(MODEL, str(caught.exception))
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * 20000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        for bad in ({"temperature": 5}, {"n": 0}, {"max_tokens": "many"}, {"messages": []}, {"stream": "yes"}):
            body = {"model": MODEL, "messages": HELLO, **bad}
            status, _, text = self.server.ask("/v1/chat/completions", body)
            self.assertEqual(status, 400, bad)
            self.assertEqual(json.loads(text)["error"]["param"].split("[")[0], next(iter(bad)))

    def test_overflow_policies(self):
        long = [{"role": "system", "content": "Be brief."}]
        for i in range(60):
            long += [{"role": "user", "content": f"Message {i}: " + "word " * 100}, {"role": "assistant", "content": "ok"}]
        long.append({"role": "user", "content": "Say hello."})
        for policy in ("truncate_middle", "rolling_window"):
            status, headers, _ = self.server.ask(
                "/v1/chat/completions",
                {"model": MODEL, "messages": long, "max_tokens": 4, "context_overflow_policy": policy},
            )
            self.assertEqual(status, 200)
            self.assertGreater(int(headers["X-Vivace-Messages-Left-Out"]), 0)

    def test_the_second_turn_reads_only_what_is_new(self):
        chat = [{"role": "user", "content": "Tell a story about " + "a cat and " * 100 + "a dog."}]
        first = self.client.chat.completions.create(model=MODEL, messages=chat, max_tokens=40, temperature=0)
        chat += [{"role": "assistant", "content": first.choices[0].message.content}, {"role": "user", "content": "Go on."}]
        second = self.client.chat.completions.create(model=MODEL, messages=chat, max_tokens=4)
        self.assertGreater(second.usage.prompt_tokens_details.cached_tokens, first.usage.prompt_tokens * 0.8)

    def test_many_at_once_say_what_each_says_alone(self):
        def ask(i):
            return self.client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": f"Count from {i}."}], max_tokens=20, temperature=0
            ).choices[0].message.content

        alone = [ask(i) for i in range(12)]
        together = [None] * 12
        threads = [threading.Thread(target=lambda i=i: together.__setitem__(i, ask(i))) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(together, alone)

    def test_litellm(self):
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        import litellm

        answer = litellm.completion(model="openai/" + MODEL, api_base=self.server.url + "/v1", api_key="none", messages=HELLO, max_tokens=8, temperature=0)
        self.assertTrue(answer.choices[0].message.content)


if __name__ == "__main__":
    unittest.main()
