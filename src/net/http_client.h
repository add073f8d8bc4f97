// A plain HTTP/1.1 client on the calling thread: one connection, kept between requests. For the command line.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace vivace {

/// "http://127.0.0.1:1234/v1" in its parts. Throws Error kInvalidArgument for what is no such address.
struct HttpAddress {
  std::string host;
  uint16_t port = 80;
  std::string path;  // without a slash at its end; may be empty
};
HttpAddress parse_http_address(std::string_view text);

struct HttpClientOptions {
  std::chrono::milliseconds timeout = std::chrono::minutes(10);  // without a byte from the server
  std::string token = {};                                        // sent as a bearer's; "": none
  /// Asked several times a second while waiting; false hangs up, with Error kCancelled. Null: waits on.
  std::function<bool()> go_on = {};
};

class HttpClient {
 public:
  explicit HttpClient(HttpAddress address, HttpClientOptions options = {});
  ~HttpClient();

  /// Sends a request and reads the whole answer. `path` is below the address. Throws Error kIo where nobody answers.
  HttpResponse request(const std::string& method, const std::string& path, const std::string& body = {});
  /// The same; the answer's body is handed to `take` as it comes, which returns false to hang up. The response has no
  /// body then, unless its status is not 200.
  HttpResponse stream(const std::string& method, const std::string& path, const std::string& body,
                      const std::function<bool(std::string_view part)>& take);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vivace
