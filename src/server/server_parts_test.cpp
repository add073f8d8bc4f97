// The server's parts that need no model: fields, routes, conversations, folders, errors.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "base/os/fixture_tree.h"
#include "server/api_description.h"
#include "server/api_error.h"
#include "server/chat_messages.h"
#include "server/conversation_store.h"
#include "server/event_json.h"
#include "server/json_fields.h"
#include "server/model_folders.h"
#include "server/model_settings.h"
#include "server/routes.h"
#include "server/sampling_fields.h"
#include "store/vivace_database.h"

namespace vivace {
namespace {

/// The error that `run` throws, as clients see it.
template <class Run>
ApiFailure failure_of(Run run) {
  try {
    run();
  } catch (const Error& error) {
    return api_failure(error);
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(JsonFields, TypesAndRangesAreChecked) {
  const Json body =
      parse_body(R"({"n": 3, "x": 0.5, "s": "t", "f": true, "none": null, "whole": 4.0, "list": ["a", "b"]})");
  JsonFields fields(body);
  EXPECT_EQ(fields.integer("n", 1, 9), 3);
  EXPECT_EQ(fields.integer("whole", 1, 9), 4);
  EXPECT_EQ(fields.number("x", 0, 1), 0.5);
  EXPECT_EQ(fields.text("s"), "t");
  EXPECT_EQ(fields.flag("f"), true);
  EXPECT_EQ(fields.text("none"), std::nullopt);
  EXPECT_EQ(fields.texts("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_NO_THROW(fields.refuse_others());
  EXPECT_EQ(failure_of([&] { fields.integer("x", 0, 9); }).param, "x");
  EXPECT_EQ(failure_of([&] { fields.integer("n", 4, 9); }).message, "'n' must be an integer from 4 to 9");
  EXPECT_EQ(failure_of([&] { fields.number("s", 0, 1); }).status, 400);
  EXPECT_EQ(failure_of([&] { fields.required_text("gone"); }).code, "missing_required_parameter");
  JsonFields strict(body);
  EXPECT_NE(failure_of([&] { strict.refuse_others(); }).message.find("'n', 'x'"), std::string::npos);
}

TEST(JsonFields, BodiesThatAreNone) {
  for (const std::string& body : {std::string(""), std::string("{"), std::string("\xff"), std::string(200000, '[')}) {
    EXPECT_EQ(failure_of([&] { parse_body(body); }).status, 400);
  }
  const Json list = parse_body("[1]");
  EXPECT_EQ(failure_of([&] { JsonFields fields(list); }).status, 400);
}

TEST(ChatMessages, BecomeWhatTemplatesTake) {
  const Json messages = template_messages(parse_body(R"([
    {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    {"role": "user", "content": "q", "name": "Eva"},
    {"role": "assistant", "content": null, "tool_calls": [
      {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "2"}])"));
  EXPECT_EQ(messages[0], Json({{"role", "system"}, {"content", "ab"}}));
  EXPECT_EQ(messages[1]["name"], "Eva");
  EXPECT_EQ(messages[2]["tool_calls"][0]["function"]["arguments"], Json({{"x", 1}}));
  EXPECT_EQ(messages[3]["tool_call_id"], "call_1");
}

TEST(ChatMessages, WhatIsWrongIsNamed) {
  const auto param = [](const char* text) { return failure_of([&] { template_messages(parse_body(text)); }).param; };
  EXPECT_EQ(param("[]"), "messages");
  EXPECT_EQ(param(R"([{"role": "king", "content": ""}])"), "messages[0].role");
  EXPECT_EQ(param(R"([{"content": ""}])"), "messages[0].role");
  EXPECT_EQ(param(R"([{"role": "user", "content": 3}])"), "messages[0].content");
  EXPECT_EQ(param(R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}])"),
            "messages[0].content[0]");
  EXPECT_EQ(failure_of([] { template_tools(parse_body(R"([{"type": "web_search"}])")); }).param, "tools[0].type");
}

TEST(Sampling, FieldsOfEveryDialect) {
  AnswerRequest request;
  const Json body = parse_body(
      R"({"temperature": 0, "top_p": 0, "top_k": -1, "seed": -7, "stop": ["x", ""], "logit_bias": {"5": -100, "6": 2.5}})");
  JsonFields fields(body);
  read_sampling_fields(fields, request);
  EXPECT_EQ(request.request.sampling.temperature, 0);
  EXPECT_GT(request.request.sampling.top_p, 0);
  EXPECT_EQ(request.request.sampling.top_k, 0);
  EXPECT_TRUE(request.seeded);
  EXPECT_EQ(request.request.stop, std::vector<std::string>{"x"});
  ASSERT_EQ(request.request.sampling.logit_bias.size(), 2u);
  EXPECT_LT(request.request.sampling.logit_bias[0].second, -1e30f);
  const Json wrong = parse_body(R"({"logit_bias": {"five": 1}})");
  JsonFields bad(wrong);
  EXPECT_EQ(failure_of([&] { read_sampling_fields(bad, request); }).param, "logit_bias");
}

TEST(EventJson, ComesBackAsItWas) {
  Finished finished;
  finished.reason = FinishReason::kContextLength;
  finished.stop_string = "stop";
  finished.usage = {7, 3, 5};
  finished.timings = {0.5, 1.5, 2.5, 10, 20};
  const Finished back = parse_finished_json(finished_json(finished));
  EXPECT_EQ(dump_json(finished_json(back)), dump_json(finished_json(finished)));
  EXPECT_EQ(back.reason, FinishReason::kContextLength);

  TokenEvent token;
  token.id = 3;
  token.logprob = -0.5f;
  token.top = {{3, -0.5f}, {4, -1.25f}};
  const Json json = logprobs_json(token, [](TokenId id) { return "piece " + std::to_string(id); });
  TokenEvent read;
  std::map<TokenId, std::string> pieces;
  parse_logprobs_json(json, read, [&](TokenId id, const std::string& text) { pieces[id] = text; });
  EXPECT_EQ(read.logprob, token.logprob);
  ASSERT_EQ(read.top.size(), 2u);
  EXPECT_EQ(read.top[1].id, 4);
  EXPECT_EQ(pieces.at(4), "piece 4");
}

TEST(EventJson, OtherFormsAreRefused) {
  for (const char* text : {"{}", "[]", R"({"finish_reason": 3})", R"({"finish_reason": "end", "stop_string": ""})"}) {
    EXPECT_THROW(parse_finished_json(parse_json(text)), Error) << text;
  }
  TokenEvent token;
  EXPECT_THROW(parse_logprobs_json(parse_json("{\"id\": 1}"), token, [](TokenId, const std::string&) {}), Error);
}

TEST(Conversations, TheOldestGo) {
  ConversationStore store({}, {}, 1000);
  for (int i = 0; i < 10; ++i) store.keep("id" + std::to_string(i), {"m", Json::array({std::string(200, 'x')})});
  EXPECT_FALSE(store.find("id0"));
  EXPECT_TRUE(store.find("id9"));
  EXPECT_TRUE(store.remove("id9"));
  EXPECT_FALSE(store.remove("id9"));
  EXPECT_FALSE(store.find("id9"));
}

TEST(Conversations, OutliveTheServer) {
  FixtureTree tree;
  const auto open = [&] { return RecordStore(open_vivace_database(tree.root())); };
  const Json messages = Json::array({{{"role", "user"}, {"content", "Hello"}}});
  {
    ConversationStore store(open());
    store.keep("kept", {"m", messages, {{"id", "kept"}}});
    store.keep("removed", {"m", messages});
    EXPECT_TRUE(store.remove("removed"));
  }
  ConversationStore store(open());
  const auto found = store.find("kept");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->model, "m");
  EXPECT_EQ(found->messages, messages);
  EXPECT_EQ(found->body.at("id"), "kept");
  EXPECT_FALSE(store.find("removed"));
  RecordStore records = open();
  records.add("conversation", "strange", "", "[1, 2", 10);
  EXPECT_FALSE(store.find("strange"));
  EXPECT_TRUE(store.remove("kept"));
  EXPECT_FALSE(ConversationStore(open()).find("kept"));
}

TEST(Routes, AreFoundByMethodAndPath) {
  const std::vector<Route> routes = all_routes();
  EXPECT_NE(find_route(routes, "POST", "/v1/chat/completions").route, nullptr);
  EXPECT_NE(find_route(routes, "HEAD", "/").route, nullptr);
  EXPECT_EQ(find_route(routes, "GET", "/v1/models/a/b").rest, "a/b");
  EXPECT_NE(find_route(routes, "GET", "/v1/models/").route, nullptr);
  const FoundRoute wrong = find_route(routes, "GET", "/v1/chat/completions");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_TRUE(wrong.path_exists);
  EXPECT_FALSE(find_route(routes, "GET", "/nothing").path_exists);
  std::set<std::pair<std::string_view, std::string_view>> unique;
  for (const Route& route : routes) {
    EXPECT_TRUE(unique.emplace(route.method, route.pattern).second) << route.pattern;
    EXPECT_FALSE(route.summary.empty());
  }
}

TEST(Routes, TheDescriptionHasThemAll) {
  const Json description = api_description("1");
  for (const Route& route : all_routes()) {
    std::string path(route.pattern);
    if (path.ends_with('*')) path.replace(path.size() - 1, 1, "{name}");
    EXPECT_TRUE(description.at("paths").contains(path)) << path;
  }
}

class ModelFoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "vivace-models-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    home_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  void write(const std::string& path, const std::string& text = "GGUF") {
    std::filesystem::create_directories((home_ / path).parent_path());
    std::ofstream(home_ / path) << text;
  }
  std::filesystem::path home_;
};

TEST_F(ModelFoldersTest, FindsWhatOtherProgramsKeep) {
  write("own/mine-q4_0.gguf");
  write("own/notes.txt");
  write("own/split-00001-of-00002.gguf");
  write("own/split-00002-of-00002.gguf", "more");
  write(".lmstudio/models/pub/repo/Their-Model-Q8_0.gguf");
  write(".lmstudio/models/pub/repo/mmproj-x.gguf");
  write(".ollama/models/manifests/registry.ollama.ai/library/llama3.2/latest",
        R"({"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:abc"}]})");
  write(".ollama/models/manifests/registry.ollama.ai/library/broken/latest", "{");
  write(".ollama/models/blobs/sha256-abc");
  write(".cache/huggingface/hub/models--org--repo/snapshots/1234/hf.gguf");
  write(".cache/llama.cpp/cached.gguf");
  const std::vector<ModelEntry> models = find_models(usual_model_folders(home_ / "own", home_));
  std::vector<std::string> keys;
  for (const ModelEntry& entry : models) keys.push_back(entry.key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"Their-Model-Q8_0", "cached", "hf", "llama3.2:latest", "mine-q4_0", "split"}));
  EXPECT_EQ(find_model(models, "split")->bytes, 8u);
  EXPECT_EQ(find_model(models, "hf")->publisher, "org");
  EXPECT_EQ(find_model(models, "pub/repo")->key, "Their-Model-Q8_0");
  EXPECT_EQ(find_model(models, "their-model")->key, "Their-Model-Q8_0");
  EXPECT_EQ(find_model(models, "llama3.2")->store, "ollama");
  EXPECT_EQ(find_model(models, "mine-q4_0.gguf")->key, "mine-q4_0");
  EXPECT_EQ(find_model(models, (home_ / "own" / "mine-q4_0.gguf").string())->key, "mine-q4_0");
  EXPECT_FALSE(find_model(models, (home_ / "secret.gguf").string()));
  EXPECT_FALSE(find_model(models, "min"));
  EXPECT_FALSE(find_model(models, ""));
}

TEST_F(ModelFoldersTest, ManifestsDoNotLeadElsewhere) {
  write(".ollama/models/manifests/h/library/evil/latest",
        R"({"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "../../../secret"}]})");
  write("secret");
  EXPECT_TRUE(find_models(usual_model_folders(home_ / "own", home_)).empty());
}

TEST(ModelSettings, AreReadAndChecked) {
  FixtureTree tree;
  const auto read = [&](const std::string& text) {
    tree.file("models.toml", text);
    return read_model_settings(tree.root() / "models.toml");
  };
  EXPECT_TRUE(read_model_settings(tree.root() / "none.toml").empty());
  EXPECT_TRUE(read("").empty());
  const auto settings = read(
      "[[model]]\nname = \"coder\"\nmodel = \"qwen\"\ncontext-length = 4096\ngpu-layers = \"max\"\nttl = 60\n"
      "[[model]]\nname = \"tiny\"\nparallel = 2\n");
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_EQ(settings[0].name, "coder");
  EXPECT_EQ(settings[0].model, "qwen");
  EXPECT_EQ(settings[0].load.context_length, 4096);
  EXPECT_TRUE(settings[0].load.gpu_layers);
  EXPECT_EQ(settings[0].load.ttl, std::chrono::seconds(60));
  EXPECT_EQ(settings[1].load.parallel, 2);
  EXPECT_FALSE(settings[1].load.context_length);
  for (const char* bad :
       {"[[model]]\n", "[[model]]\nname = 3\n", "[[model]]\nname = \"x\"\nspeed = 3\n",
        "[[model]]\nname = \"x\"\nparallel = -1\n", "[[model]]\nname = \"x\"\ngpu-layers = \"some\"\n", "model = 3\n",
        "[other]\n", "[[model\n"}) {
    try {
      read(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidFile) << bad;
      EXPECT_NE(std::string(error.what()).find("models.toml"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace vivace
