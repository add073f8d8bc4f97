"""LM Studio's REST APIs, v1 and v0, field for field, and the models' life."""

import tempfile
import unittest

from serving import MODEL, Server, ServerTest, make_home


class LmStudioTest(ServerTest):
    options = ()

    def test_chat_stores_and_goes_on(self):
        first = self.server.json("/api/v1/chat", {"model": MODEL, "input": "My name is Ada.", "max_output_tokens": 8, "temperature": 0})
        self.assertEqual(set(first), {"model_instance_id", "output", "stats", "response_id"})
        self.assertEqual(first["output"][-1]["type"], "message")
        for field in ("input_tokens", "total_output_tokens", "reasoning_output_tokens", "tokens_per_second", "time_to_first_token_seconds"):
            self.assertIn(field, first["stats"])
        self.assertRegex(first["response_id"], r"^resp_[0-9a-f]{48}$")
        second = self.server.json(
            "/api/v1/chat",
            {"model": MODEL, "input": [{"type": "message", "content": "Who am I?"}], "previous_response_id": first["response_id"], "max_output_tokens": 4, "temperature": 0},
        )
        self.assertGreater(second["stats"]["input_tokens"], first["stats"]["input_tokens"])
        unstored = self.server.json("/api/v1/chat", {"model": MODEL, "input": "x", "store": False, "max_output_tokens": 2})
        self.assertNotIn("response_id", unstored)

    def test_stream(self):
        events = self.server.events("/api/v1/chat", {"model": MODEL, "input": "Hi", "stream": True, "max_output_tokens": 6, "temperature": 0})
        kinds = [event for event, _ in events]
        self.assertEqual(kinds[0], "chat.start")
        self.assertEqual(kinds[-1], "chat.end")
        order = ["prompt_processing.start", "prompt_processing.end", "message.start", "message.delta", "message.end"]
        self.assertEqual(sorted(order, key=kinds.index), order)
        for event, data in events:
            self.assertEqual(data["type"], event)
        text = "".join(data["content"] for event, data in events if event == "message.delta")
        self.assertEqual(events[-1][1]["result"]["output"][-1]["content"], text)

    def test_bodies_are_strict(self):
        status, _, text = self.server.ask("/api/v1/chat", {"model": MODEL, "input": "x", "seed": 1})
        self.assertEqual(status, 400)
        self.assertIn("Unrecognized key(s) in object: 'seed'", text)
        status, _, text = self.server.ask("/api/v1/chat", {"input": "x"})
        self.assertIn('"missing_required_parameter"', text)

    def test_models_load_and_unload(self):
        loaded = self.server.json("/api/v1/models/load", {"model": MODEL, "context_length": 1024, "echo_load_config": True})
        self.assertEqual((loaded["status"], loaded["load_config"]["context_length"]), ("loaded", 1024))
        listed = self.server.json("/api/v1/models")["models"]
        mine = next(model for model in listed if model["key"] == MODEL)
        self.assertIn(loaded["instance_id"], [instance["id"] for instance in mine["loaded_instances"]])
        self.assertEqual((mine["architecture"], mine["format"], mine["type"]), ("llama", "gguf", "llm"))
        again = self.server.json("/api/v1/models/load", {"model": MODEL})
        self.assertNotEqual(again["instance_id"], loaded["instance_id"])
        for one in (loaded, again):
            self.assertEqual(self.server.json("/api/v1/models/unload", {"instance_id": one["instance_id"]})["instance_id"], one["instance_id"])
        status, _, text = self.server.ask("/api/v1/models/unload", {"instance_id": "nothing"})
        self.assertEqual(status, 404)
        status, _, text = self.server.ask("/api/v1/models/load", {"model": "nothing"})
        self.assertEqual(status, 404)
        self.assertIn("model_not_found", text)

    def test_v0(self):
        answer = self.server.json("/api/v0/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "temperature": 0})
        self.assertEqual(set(answer["stats"]), {"tokens_per_second", "time_to_first_token", "generation_time", "stop_reason"})
        self.assertEqual(answer["model_info"]["arch"], "llama")
        models = self.server.json("/api/v0/models")["data"]
        state = next(model["state"] for model in models if model["id"] == MODEL)
        self.assertEqual(state, "loaded")
        self.assertEqual(self.server.json("/api/v0/models/" + MODEL)["id"], MODEL)

    def test_greeting_plan_and_hardware(self):
        self.assertEqual(self.server.json("/lmstudio-greeting"), {"lmstudio": True})
        plan = self.server.json(f"/api/v1/plan?model={MODEL}&context_length=2048")
        self.assertEqual(plan["context_length"], 2048)
        self.assertEqual(self.server.json("/api/v1/plan", {"model": MODEL, "context_length": 2048})["context_length"], 2048)
        self.assertIn("devices", self.server.json("/api/v1/hardware"))
        self.assertEqual(self.server.json("/health")["status"], "ok")
        _, _, metrics = self.server.ask("/metrics")
        self.assertIn("vivace_http_responses_total", metrics)


class ChatsOutliveTheServer(unittest.TestCase):
    def test_a_killed_server_loses_no_chat(self):
        with tempfile.TemporaryDirectory() as folder:
            places = make_home(folder)
            asked = {"model": MODEL, "max_output_tokens": 4, "temperature": 0}

            first = Server("--keep-chats", "on", environment=places)
            chat = first.json("/api/v1/chat", {**asked, "input": "My name is Ada."})
            response = first.json("/v1/responses", {**asked, "input": "My name is Bob."})
            first.process.kill()
            first.process.communicate()

            second = Server("--keep-chats", "on", environment=places)
            try:
                again = second.json("/api/v1/chat", {**asked, "input": "Who am I?", "previous_response_id": chat["response_id"]})
                self.assertGreater(again["stats"]["input_tokens"], chat["stats"]["input_tokens"])
                self.assertEqual(second.json("/v1/responses/" + response["id"])["output"], response["output"])
                self.assertTrue(second.json("/v1/responses/" + response["id"], method="DELETE")["deleted"])
                self.assertEqual(second.ask("/v1/responses/" + response["id"])[0], 404)
            finally:
                second.stop()


if __name__ == "__main__":
    unittest.main()
