// Many clients on little memory: what each is told is what it would be told alone, vanished ones leave nothing behind.
#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "server_rig.h"

namespace vivace::test {
namespace {

#ifdef VIVACE_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// Seconds of the crowd: a minute, less with sanitizers; VIVACE_SOAK_SECONDS for make soak.
double crowd_seconds() {
  const char* wish = std::getenv("VIVACE_SOAK_SECONDS");
  return wish != nullptr ? std::atof(wish) : kSanitized ? 4 : 60;
}

int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::atoll(line.c_str() + 8) * 1024;
  }
  return 0;
}

class Crowd : public ServerRig {
 protected:
  EngineStats stats() { return server_->pool().loaded().at(0)->engine->stats(); }

  /// Answers that fill the context of every slot at once: only with all pages back does none of them give way.
  void expect_all_pages(int slots) {
    const int64_t before = stats().preemptions;
    std::vector<std::thread> threads;
    for (int i = 0; i < slots; ++i) {
      threads.emplace_back([&, i] { EXPECT_FALSE(said("page " + std::to_string(i), 80).empty()); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(stats().preemptions, before) << "pages are missing";
  }

  bool quiet() {
    for (int i = 0; i < 2000; ++i) {
      if (server_->running_answers() == 0 && stats().running == 0 && stats().waiting == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

TEST_F(Crowd, EveryAnswerIsTheOneAlone) {
  ServerOptions options;
  constexpr int kSlots = 8, kWaiting = 64, kPrompts = 12, kClients = kSanitized ? 24 : 200;
  options.pool.wishes.parallel = kSlots;
  options.pool.wishes.context_length = 128;
  options.pool.engine.most_waiting = kWaiting;
  open(std::move(options));
  std::vector<std::string> alone;
  for (int i = 0; i < kPrompts; ++i) alone.push_back(said("prompt " + std::to_string(i), 8 + i));
  const int64_t before = resident_bytes();
  std::atomic<int> right{0}, wrong{0}, vanished{0}, refused{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(crowd_seconds());
  const auto client = [&](unsigned seed) {
    std::mt19937 random(seed);
    while (std::chrono::steady_clock::now() < end) {
      const int i = int(random() % kPrompts);
      const bool stream = random() % 2 == 0;
      TestClient connection(server_->port());
      connection.send(post_text("/v1/chat/completions", dump_json(chat("prompt " + std::to_string(i), 8 + i, stream))));
      if (random() % 3 == 0) {  // goes away, before or while it is told
        if (random() % 2 == 0) connection.read_until("data", 5);
        ++vanished;
        continue;
      }
      if (stream) {
        const std::string text = connection.read_until("[DONE]");
        if (text.find(" 503 ") != std::string::npos) {
          ++refused;
        } else {
          (streamed_text(text) == alone[size_t(i)] ? right : wrong) += 1;
        }
        continue;
      }
      const std::string response = connection.response();
      if (response.find(" 503 ") != std::string::npos) {
        ++refused;
        continue;
      }
      const Json answer = parse_json(body_of(response));
      (answer.at("choices").at(0).at("message").at("content") == alone[size_t(i)] ? right : wrong) += 1;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kClients; ++t) threads.emplace_back(client, t);
  int32_t longest_queue = 0;
  int64_t early = 0;  // bytes, when a third of the time is over
  for (const auto begin = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    longest_queue = std::max(longest_queue, stats().waiting);
    if (early == 0 && std::chrono::steady_clock::now() - begin > (end - begin) / 3) early = resident_bytes();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(longest_queue, kWaiting + kSlots);
  EXPECT_GT(right, 0);
  EXPECT_GT(vanished, 0);
  ASSERT_TRUE(quiet()) << "answers that nobody reads go on";
  EXPECT_EQ(said("prompt 3", 11), alone[3]);
  expect_all_pages(kSlots);
  const int64_t held = resident_bytes(), grown = held - early;
  if (kSanitized) {
    std::printf("did not run: the memory of a crowd (sanitizers keep what is freed)\n");
  } else {
    EXPECT_LT(held - before, int64_t{96} << 20);
    EXPECT_LT(grown, int64_t{32} << 20);
  }
  std::printf("crowd: %d right, %d vanished, %d refused, %d waited at most, %.1f MiB more at the end\n", right.load(),
              vanished.load(), refused.load(), int(longest_queue), double(grown) / (1 << 20));
}

TEST_F(Crowd, LoadsAndUnloadsWhileOthersAsk) {
  ServerOptions options;
  options.pool.wishes.context_length = 128;
  open(std::move(options));
  const std::string alone = said("hello", 10);
  std::atomic<bool> stop{false};
  std::atomic<int> right{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const Json answer = post("/v1/chat/completions", chat("hello", 10));
        if (!answer.contains("choices")) continue;  // unloaded meanwhile: an error that says so
        (answer.at("choices").at(0).at("message").at("content") == alone ? right : wrong) += 1;
      }
    });
  }
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    post("/api/v1/models/unload", {{"instance_id", "tiny"}});
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 0);
}

TEST_F(Crowd, TheEndWhileManyAreTold) {
  ServerOptions options;
  options.pool.wishes.context_length = 128;
  open(std::move(options));
  said("warm", 1);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<TestClient>(server_->port()));
    clients.back()->send(post_text("/v1/chat/completions", dump_json(chat("x" + std::to_string(i), 100, i % 2 == 0))));
  }
  clients.push_back(std::make_unique<TestClient>(server_->port()));
  clients.back()->send(post_text("/v1/embeddings", R"({"model": "tiny", "input": ["a", "b", "c"]})"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  server_.reset();
}

}  // namespace
}  // namespace vivace::test
