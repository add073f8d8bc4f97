// Requests that need no official client: limits, order of events, errors inside streams.
#include "server_rig.h"

namespace vivace::test {
namespace {

class Requests : public ServerRig {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.pool.wishes.context_length = 128;
    options.pool.wishes.parallel = 2;
    open(std::move(options));
  }
};

TEST_F(Requests, StreamsTellWhatWholeAnswersTell) {
  const std::string whole = said("hello", 12);
  TestClient client(server_->port());
  client.send(post_text("/v1/chat/completions", dump_json(chat("hello", 12, true))));
  EXPECT_EQ(streamed_text(client.read_until("[DONE]")), whole);
}

TEST_F(Requests, PromptsThatAreTooLong) {
  const Json refused = post("/v1/chat/completions", chat(std::string(500, 'x'), 4));
  EXPECT_EQ(refused.at("error").at("code"), "context_length_exceeded");
  EXPECT_NE(refused.at("error").at("message").get<std::string>().find("context of 128"), std::string::npos);
}

TEST_F(Requests, UnknownModelsAndPaths) {
  EXPECT_NE(ask(post_text("/v1/chat/completions", R"({"model": "no", "messages": [{"role": "user", "content": "x"}]})"))
                .find(" 404 "),
            std::string::npos);
  EXPECT_NE(ask(get_text("/v2")).find(" 404 "), std::string::npos);
  EXPECT_NE(ask(get_text("/v1/chat/completions")).find(" 405 "), std::string::npos);
  EXPECT_TRUE(parse_json(body_of(ask(get_text("/api/v1/nothing")))).at("error").contains("type"));
  EXPECT_TRUE(parse_json(body_of(ask(get_text("/api/nothing")))).at("error").is_string());
}

TEST_F(Requests, EmbeddingsDoNotDependOnTheirCompany) {
  const Json alone = post("/v1/embeddings", {{"model", "tiny"}, {"input", "one two three"}, {"pooling", "mean"}});
  const Json together =
      post("/v1/embeddings", {{"model", "tiny"}, {"input", {"x", "one two three", "y"}}, {"pooling", "mean"}});
  EXPECT_EQ(alone.at("data").at(0).at("embedding"), together.at("data").at(1).at("embedding"));
  const Json last = post("/v1/embeddings", {{"model", "tiny"}, {"input", "one two three"}});
  EXPECT_NE(last.at("data").at(0).at("embedding"), alone.at("data").at(0).at("embedding"));
}

TEST_F(Requests, GrammarsHoldWhateverTheModelSays) {
  Json ask = chat("hello", 40);
  ask["temperature"] = 2;
  ask["response_format"] = {{"type", "regex"}, {"pattern", "(ab){2,3}"}};
  for (int i = 0; i < 5; ++i) {
    ask["seed"] = i;
    const std::string text = post("/v1/chat/completions", ask).at("choices").at(0).at("message").at("content");
    EXPECT_TRUE(text == "abab" || text == "ababab") << text;
  }
}

TEST_F(Requests, MetricsCountWhatHappened) {
  said("hello", 5);
  const std::string text = body_of(ask(get_text("/metrics")));
  EXPECT_NE(text.find("vivace_tokens_total{kind=\"generated\",model=\"tiny\"} 5"), std::string::npos) << text;
  EXPECT_NE(text.find("vivace_kv_pages"), std::string::npos);
}

using OtherNames = ServerRig;

TEST_F(OtherNames, LoadWithTheirSettings) {
  ServerOptions options;
  options.pool.wishes.context_length = 128;
  ModelSetting setting{.name = "Coder", .model = "tiny", .load = {}};
  setting.load.context_length = 64;
  setting.load.ttl = std::chrono::seconds(7);
  options.pool.settings = {setting, {.name = "lost", .model = "nothing", .load = {}}};
  open(std::move(options));
  Json request = chat("hello", 5);
  const std::string alone = said("hello", 5);
  request["model"] = "coder";
  EXPECT_EQ(post("/v1/chat/completions", request).at("choices").at(0).at("message").at("content"), alone);
  const auto loaded = server_->pool().loaded();
  const auto coder = std::find_if(loaded.begin(), loaded.end(), [](const auto& model) { return model->id == "Coder"; });
  ASSERT_NE(coder, loaded.end());
  EXPECT_EQ((*coder)->plan().context_length, 64);
  EXPECT_EQ((*coder)->ttl, std::chrono::seconds(7));
  const std::string listed = ask(get_text("/v1/models"));
  EXPECT_NE(listed.find("\"Coder\""), std::string::npos);
  EXPECT_EQ(listed.find("lost"), std::string::npos) << "it means no model that is there";
  EXPECT_NE(
      ask("DELETE /api/delete HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"model\":\"Coder\"}").find(" 403 "),
      std::string::npos)
      << "another name is no file of ours";
}

}  // namespace
}  // namespace vivace::test
