// A plain socket client for tests: sends bytes, reads bytes, knows just enough of HTTP.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace vivace::test {

class TestClient {
 public:
  explicit TestClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
  }
  ~TestClient() { close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  void send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;  // the server has closed: reading tells
      sent += size_t(n);
    }
  }

  /// Reads until `text` has come ("": the connection's end) or the time is up.
  std::string read_until(const std::string& text, int milliseconds = 20000) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while ((text.empty() || held_.find(text) == std::string::npos) && receive(deadline)) {
    }
    return held_;
  }
  std::string read_to_end(int milliseconds = 20000) { return read_until("", milliseconds); }
  bool ended() const { return ended_; }

  /// The next response with a Content-Length, whole; what came after it stays.
  std::string response() {
    read_until("\r\n\r\n");
    const size_t head = held_.find("\r\n\r\n");
    if (head == std::string::npos) return held_;
    const size_t at = held_.find("Content-Length: ");
    const size_t length = at < head ? size_t(std::atoll(held_.c_str() + at + 16)) : 0;
    const size_t whole = head + 4 + length;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (held_.size() < whole && receive(deadline)) {
    }
    std::string text = held_.substr(0, whole);
    held_.erase(0, whole);
    return text;
  }

 private:
  /// Takes what comes; false at the end of the time or the connection.
  bool receive(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{socket_, POLLIN, 0};
    if (ended_ || left.count() <= 0 || ::poll(&wait, 1, int(left.count())) <= 0) return false;
    char piece[4096];
    const ssize_t n = ::recv(socket_, piece, sizeof piece, 0);
    if (n > 0) held_.append(piece, size_t(n));
    ended_ = n <= 0;
    return n > 0;
  }

  int socket_;
  std::string held_;
  bool ended_ = false;
};

inline std::string post_text(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path +
         " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + more + "\r\n" + body;
}

inline std::string get_text(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

}  // namespace vivace::test
