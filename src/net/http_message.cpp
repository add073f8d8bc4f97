#include "net/http_message.h"

#include <algorithm>
#include <ostream>  // which Boost 1.81 forgets

#include <boost/beast/http/status.hpp>

#include "base/ascii_case.h"

namespace vivace {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_query(std::string_view text, HttpRequest& request) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    auto name_text = percent_decode(part.substr(0, equals), true), value_text = percent_decode(value, true);
    if (!name_text || !value_text) return false;
    request.query.emplace_back(std::move(*name_text), std::move(*value_text));
  }
  return true;
}

template <class Pairs, class Same>
std::optional<std::string_view> find_in(const Pairs& pairs, Same same) {
  for (const auto& [name, value] : pairs) {
    if (same(name)) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  const std::string wanted = ascii_lower(name);
  return find_in(headers, [&](const std::string& other) { return ascii_lower(other) == wanted; });
}

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
  return find_in(query, [&](const std::string& other) { return other == name; });
}

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '_' || c == '.' || c == '/';
    encoded += plain ? std::string(1, c) : std::string{'%', kDigits[uint8_t(c) >> 4], kDigits[uint8_t(c) & 15]};
  }
  return encoded;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      decoded += char(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

bool parse_target(std::string_view target, HttpRequest& request) {
  request.target = target;
  target = target.substr(0, target.find('#'));
  // Proxies are given the whole address; so may we be.
  if (const size_t scheme = target.find("://"); scheme != std::string_view::npos && target.find('/') > scheme) {
    const size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  if (target == "*") target = "/";
  if (target.empty() || target.front() != '/') return false;
  const size_t question = target.find('?');
  auto path = percent_decode(target.substr(0, question), false);
  if (!path || path->find('\0') != std::string::npos) return false;
  request.path = std::move(*path);
  return question == std::string_view::npos || parse_query(target.substr(question + 1), request);
}

std::string_view http_reason(int status) {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

}  // namespace vivace
