// The server over real sockets: framing, keep-alive, streams, limits, clients that dawdle or vanish, the end.
#include "net/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "base/error.h"
#include "net/test_client.h"

namespace vivace {
namespace {

using std::chrono::milliseconds;
using test::get_text;
using test::post_text;
using test::TestClient;

HttpResponse text_response(std::string body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "text/plain"}};
  response.body = std::move(body);
  return response;
}

/// Something that another thread waits for.
class Flag {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void open(HttpHandler handler = {}) {
    if (!handler) {
      handler = [](std::shared_ptr<HttpExchange> exchange) {
        const HttpRequest& request = exchange->request();
        exchange->respond(text_response(request.method + " " + request.path + " " + request.body));
      };
    }
    server_ = std::make_unique<HttpServer>(
        options_, std::move(handler),
        [](int status, const std::string& why, const std::string&) { return text_response(why, status); }, Logger());
    server_->start();
  }

  std::string ask(const std::string& bytes) {
    TestClient client(server_->port());
    client.send(bytes);
    return client.response();
  }

  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersOneAfterAnotherOnOneConnection) {
  open();
  TestClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.send(post_text("/a%20b?x=1", "body" + std::to_string(i)));
    const std::string response = client.response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_TRUE(response.ends_with("POST /a b body" + std::to_string(i))) << response;
    EXPECT_NE(response.find("Connection: keep-alive"), std::string::npos);
  }
}

TEST_F(HttpServerTest, PipelinedAndTornRequests) {
  open();
  TestClient client(server_->port());
  client.send(get_text("/one") + get_text("/two"));
  EXPECT_TRUE(client.response().ends_with("GET /one "));
  EXPECT_TRUE(client.response().ends_with("GET /two "));
  for (char c : post_text("/slow", "abc")) {
    client.send(std::string(1, c));
    if (c == '\n') std::this_thread::sleep_for(milliseconds(1));
  }
  const std::string response = client.response();
  EXPECT_TRUE(response.ends_with("POST /slow abc")) << response;
}

TEST_F(HttpServerTest, ChunkedBodiesHeadAndOldClients) {
  open();
  EXPECT_TRUE(ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .ends_with("POST / abcde"));
  TestClient asks_head(server_->port());
  asks_head.send("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = asks_head.read_to_end();
  EXPECT_NE(head.find("Content-Length: 8"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << "no body";
  TestClient old(server_->port());
  old.send("GET /old HTTP/1.0\r\n\r\n");
  const std::string text = old.read_to_end();
  EXPECT_TRUE(text.starts_with("HTTP/1.0 200"));
  EXPECT_TRUE(old.ended());
}

TEST_F(HttpServerTest, ExpectationsAreMet) {
  open();
  TestClient client(server_->port());
  client.send("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("100 Continue"), std::string::npos);
  client.send("abc");
  EXPECT_NE(client.read_until("POST /big abc").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, StreamsInPartsFromAnotherThread) {
  std::thread teller;
  open([&](std::shared_ptr<HttpExchange> exchange) {
    teller = std::thread([exchange] {
      exchange->start(text_response("first "), "");
      for (int i = 0; i < 3; ++i) exchange->write("part" + std::to_string(i) + " ");
      exchange->finish();
      exchange->finish();
      exchange->write("too late");
    });
  });
  TestClient client(server_->port());
  client.send(get_text("/"));
  const std::string text = client.read_until("0\r\n\r\n");
  teller.join();
  EXPECT_NE(text.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_NE(text.find("6\r\nfirst \r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("6\r\npart2 \r\n"), std::string::npos);
  EXPECT_EQ(text.find("too late"), std::string::npos);
}

TEST_F(HttpServerTest, HeartbeatsKeepASilentStreamAlive) {
  options_.limits.heartbeat = milliseconds(50);
  std::shared_ptr<HttpExchange> kept;
  open([&](std::shared_ptr<HttpExchange> exchange) {
    kept = exchange;
    exchange->start(text_response(""), ": still here\n\n");
  });
  TestClient client(server_->port());
  client.send(get_text("/"));
  EXPECT_NE(client.read_until(": still here").find(": still here"), std::string::npos);
  kept->finish();
  EXPECT_NE(client.read_until("0\r\n\r\n").find("0\r\n\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, AClientThatVanishesIsNoticed) {
  const auto gone = std::make_shared<Flag>();
  open([&](std::shared_ptr<HttpExchange> exchange) {
    exchange->start(text_response("x"), "");
    exchange->on_close([gone, exchange] { gone->set(); });
  });
  {
    TestClient client(server_->port());
    client.send(get_text("/"));
    client.read_until("x\r\n");
  }
  EXPECT_TRUE(gone->wait());
}

TEST_F(HttpServerTest, BadFramingIsRefusedAndTheServerLivesOn) {
  options_.limits.header_bytes = 2048;
  options_.limits.body_bytes = 1000;
  open();
  EXPECT_NE(ask("nonsense\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(ask("GET /\x01 HTTP/1.1\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(ask("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(ask("GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(ask(get_text("/", "X: " + std::string(5000, 'x') + "\r\n")).find(" 431 "), std::string::npos);
  EXPECT_NE(ask(post_text("/", std::string(5000, 'x'))).find(" 413 "), std::string::npos);
  EXPECT_TRUE(ask(get_text("/fine")).ends_with("GET /fine "));
}

TEST_F(HttpServerTest, RandomBytesDoNoHarm) {
  options_.limits.header_time = milliseconds(200);
  open();
  std::mt19937 random(7);
  const std::string words[] = {"GET ",     "POST ",
                               "/",        " HTTP/1.1",
                               "\r\n",     "Content-Length: ",
                               "9",        "Transfer-Encoding: chunked",
                               "\r\n\r\n", "0",
                               "\xff",     std::string(1, '\0'),
                               "Host: x",  "Expect: 100-continue",
                               ";",        "f"};
  for (int round = 0; round < 60; ++round) {
    TestClient client(server_->port());
    std::string bytes;
    for (int n = int(random() % 20); n > 0; --n) bytes += words[random() % std::size(words)];
    client.send(bytes);
    if (round % 3 == 0) client.read_until("\r\n\r\n", 5);
  }
  EXPECT_TRUE(ask(get_text("/fine")).ends_with("GET /fine "));
}

TEST_F(HttpServerTest, DawdlersAreLetGo) {
  options_.limits.header_time = options_.limits.body_time = milliseconds(100);
  options_.limits.idle_time = milliseconds(150);
  open();
  TestClient slow(server_->port()), slow_body(server_->port()), idle(server_->port());
  slow.send("GET / HT");
  slow_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_NE(slow.read_to_end().find(" 408 "), std::string::npos);
  EXPECT_NE(slow_body.read_to_end().find(" 408 "), std::string::npos);
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_TRUE(idle.ended());
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsGivenUp) {
  options_.limits.unsent_bytes = 1 << 20;
  const auto gone = std::make_shared<Flag>();
  std::thread teller;
  std::atomic<bool> stop{false};
  open([&](std::shared_ptr<HttpExchange> exchange) {
    exchange->start(text_response("x"), "");
    exchange->on_close([gone, &stop] {
      stop = true;
      gone->set();
    });
    teller = std::thread([exchange, &stop] {
      for (int i = 0; i < 20000 && !stop; ++i) {
        exchange->write(std::string(64 << 10, 'x'));
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
  });
  TestClient client(server_->port());
  client.send(get_text("/"));
  EXPECT_TRUE(gone->wait());
  teller.join();
}

TEST_F(HttpServerTest, ALostExchangeIsAnsweredWith500) {
  open([](std::shared_ptr<HttpExchange>) {});
  EXPECT_NE(ask(get_text("/")).find(" 500 "), std::string::npos);
  open([](std::shared_ptr<HttpExchange>) { throw std::runtime_error("oh"); });
  EXPECT_NE(ask(get_text("/")).find(" 500 "), std::string::npos);
}

TEST_F(HttpServerTest, RequestIdsAreEchoedWhenTheyAreSane) {
  open();
  EXPECT_NE(ask(get_text("/", "X-Request-Id: my-id.7\r\n")).find("X-Request-Id: my-id.7\r\n"), std::string::npos);
  EXPECT_EQ(ask(get_text("/", "X-Request-Id: <b>\r\n")).find("<b>"), std::string::npos);
}

TEST_F(HttpServerTest, ATakenPortIsAClearError) {
  open();
  options_.port = server_->port();
  try {
    HttpServer second(
        options_, [](std::shared_ptr<HttpExchange>) {}, {}, Logger());
    FAIL() << "it listens twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_NE(std::string(error.what()).find("another program listens"), std::string::npos);
    EXPECT_NE(error.hint().find("--port 0"), std::string::npos);
  }
  options_.host = "no.such.host.invalid";
  EXPECT_THROW(HttpServer(options_, {}, {}, Logger()), Error);
  options_.host = "127.0.0.1";
  options_.certificate = options_.private_key = "/nothing";
  EXPECT_THROW(HttpServer(options_, {}, {}, Logger()), Error);
}

TEST_F(HttpServerTest, StopLetsAnswersEnd) {
  std::shared_ptr<HttpExchange> kept;
  const auto arrived = std::make_shared<Flag>();
  open([&, arrived](std::shared_ptr<HttpExchange> exchange) {
    kept = exchange;
    arrived->set();
  });
  TestClient client(server_->port()), idle(server_->port());
  client.send(get_text("/"));
  ASSERT_TRUE(arrived->wait());
  std::thread stopper([&] { server_->stop(std::chrono::seconds(20)); });
  EXPECT_EQ(idle.read_to_end(), "");
  kept->respond(text_response("done"));
  EXPECT_NE(client.read_to_end().find("done"), std::string::npos);
  stopper.join();
}

TEST_F(HttpServerTest, StopBreaksOffWhatTakesTooLong) {
  const auto gone = std::make_shared<Flag>();
  open([gone](std::shared_ptr<HttpExchange> exchange) {
    exchange->start(text_response("x"), "");
    exchange->on_close([gone, exchange] { gone->set(); });
  });
  TestClient client(server_->port());
  client.send(get_text("/"));
  client.read_until("x\r\n");
  server_->stop(milliseconds(50));
  EXPECT_TRUE(gone->wait());
}

TEST_F(HttpServerTest, ManyClientsAtOnce) {
  open();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      TestClient client(server_->port());
      for (int i = 0; i < 50; ++i) {
        const std::string body = std::to_string(t * 1000 + i);
        client.send(post_text("/", body));
        right += client.response().ends_with("POST / " + body);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST(HttpMessage, EncodedTextComesBack) {
  std::string every;
  for (int c = 1; c < 256; ++c) every += char(c);
  EXPECT_EQ(percent_decode(percent_encode(every), false), every);
  EXPECT_EQ(percent_encode("/models/a b%"), "/models/a%20b%25");
}

TEST(HttpMessage, TargetsAndQueries) {
  HttpRequest request;
  ASSERT_TRUE(parse_target("/a%2Fb/%C3%A9?x=1&y=a+b%26&&flag", request));
  EXPECT_EQ(request.path, "/a/b/\xC3\xA9");
  EXPECT_EQ(request.query_value("y"), "a b&");
  EXPECT_EQ(request.query_value("flag"), "");
  EXPECT_EQ(request.query_value("z"), std::nullopt);
  HttpRequest proxied;
  ASSERT_TRUE(parse_target("http://host:1/p?q=1", proxied));
  EXPECT_EQ(proxied.path, "/p");
  for (const char* bad : {"", "x", "/%", "/%4", "/%00", "/?a=%zz"}) {
    HttpRequest other;
    EXPECT_FALSE(parse_target(bad, other)) << bad;
  }
}

}  // namespace
}  // namespace vivace
