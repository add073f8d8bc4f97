// What HTTP carries, without the library that speaks it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivace {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // as it came: GET, POST, …
  std::string path;    // decoded, without the query
  std::string target;  // as it came
  std::vector<std::pair<std::string, std::string>> query;
  HttpHeaders headers;
  std::string body;
  std::string peer;  // address of the client
  std::string id;    // the client's X-Request-Id where that is sane, else one of ours

  /// The first header of that name, case counting for nothing; nothing where it is missing.
  std::optional<std::string_view> header(std::string_view name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // framing and Content-Length are the server's
  std::string body;
};

/// Fills path and query from `target`, %XX decoded. False for a target that is none ("" or not beginning with "/") and
/// for broken escapes.
bool parse_target(std::string_view target, HttpRequest& request);

/// "%2F" → "/", and "+" → " " where `plus_is_space`; nothing for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// " " → "%20": what a path may not hold as it is; slashes stay.
std::string percent_encode(std::string_view text);

/// The words of a status: "Not Found".
std::string_view http_reason(int status);

}  // namespace vivace
