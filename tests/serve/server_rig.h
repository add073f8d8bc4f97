// A server in this process with tiny random models, and clients of it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "../cli/tiny_text_model.h"
#include "../support/scratch_folder.h"
#include "base/json.h"
#include "net/test_client.h"
#include "server/server.h"

namespace vivace::test {

class ServerRig : public ::testing::Test {
 protected:
  void open(ServerOptions options = {}) {
    write_tiny_text_model(scratch_ / "tiny.gguf");
    MachineOptions wanted;
    wanted.threads = 2;
    wanted.gpus = false;
    machine_ = std::make_unique<Machine>(wanted);
    options.pool.folders.own = scratch_.path();
    options.version = "test";
    server_ = std::make_unique<Server>(*machine_, std::move(options), Logger());
  }

  void TearDown() override { server_.reset(); }

  /// The whole response to a request on a connection of its own.
  std::string ask(const std::string& request) {
    TestClient client(server_->port());
    client.send(request);
    return client.response();
  }

  static std::string body_of(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }

  Json post(const std::string& path, const Json& body) {
    return parse_json(body_of(ask(post_text(path, dump_json(body)))));
  }

  /// A request for so many tokens, always the same ones for the same prompt.
  static Json chat(const std::string& prompt, int tokens, bool stream = false) {
    return {{"model", "tiny"},
            {"messages", {{{"role", "user"}, {"content", prompt}}}},
            {"max_tokens", tokens},
            {"temperature", 0},
            {"stream", stream}};
  }

  /// What the model says to a prompt.
  std::string said(const std::string& prompt, int tokens) {
    const Json answer = post("/v1/chat/completions", chat(prompt, tokens));
    if (!answer.contains("choices")) throw std::runtime_error(dump_json(answer));
    return answer.at("choices").at(0).at("message").at("content").get<std::string>();
  }

  /// What a stream of chunks said, if it came to its end.
  static std::string streamed_text(const std::string& response) {
    std::string said;
    if (response.find("data: [DONE]") == std::string::npos) return "(broken off)";
    for (size_t at = 0; (at = response.find("data: {", at)) != std::string::npos;) {
      const size_t end = response.find('\n', at);
      const Json chunk = parse_json(response.substr(at + 6, end - at - 6));
      for (const Json& choice : chunk.at("choices")) said += choice.at("delta").value("content", "");
      at = end;
    }
    return said;
  }

  const ScratchFolder scratch_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Server> server_;
};

}  // namespace vivace::test
