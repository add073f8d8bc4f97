#include "text/answer/call_scanner.h"

#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

bool ValueScanner::push(char c) {
  if (done_) return false;
  if (!begun_) {
    if (is_space(c)) return true;
    begun_ = true;
    in_string_ = c == '"';
    if (c == '{' || c == '[') depth_ = 1;
    return true;
  }
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      done_ = depth_ == 0;
    }
    return !done_;
  }
  if (depth_ == 0) {  // a number or a word
    if (c != ',' && c != '}' && c != ']' && !is_space(c)) return true;
    done_ = true;
    took_last_ = false;
    return false;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if (c == '}' || c == ']') done_ = --depth_ == 0;
  return !done_;
}

std::string json_string_text(std::string_view quoted) {
  try {
    const Json value = parse_json(quoted);
    if (value.is_string()) return value.get<std::string>();
  } catch (const Error&) {  // models write what they like
  }
  return std::string(quoted);
}

std::string CallScanner::push(char c) {
  switch (state_) {
    case State::kBefore:
      if (c == '{') {
        state_ = State::kKey;
      } else if (!is_space(c)) {
        state_ = State::kFailed;
      }
      return "";
    case State::kKey:
      if (c == '"') {
        key_.clear();
        state_ = State::kInKey;
      } else if (c == '}') {
        state_ = name_.empty() ? State::kFailed : State::kDone;
      } else if (!is_space(c) && c != ',') {
        state_ = State::kFailed;
      }
      return "";
    case State::kInKey:
      if (c == '"' && !escaped_) {
        state_ = State::kColon;
      } else {
        key_ += c;
      }
      escaped_ = c == '\\' && !escaped_;
      return "";
    case State::kColon:
      if (c == ':') {
        state_ = State::kValue;
        value_.clear();
        scanner_ = {};
      } else if (!is_space(c)) {
        state_ = State::kFailed;
      }
      return "";
    case State::kValue: {
      const bool goes_on = scanner_.push(c);
      const bool taken = scanner_.took_last();
      if (taken && !(value_.empty() && is_space(c))) value_ += c;
      if (value_.size() == 1 && taken) text_arguments_ = c == '"';
      std::string grown;
      if (is_arguments() && !text_arguments_ && !name_.empty() && taken && !value_.empty()) grown = std::string(1, c);
      if (goes_on) return grown;
      grown += end_value();
      return taken ? grown : grown + push(c);
    }
    case State::kAfter:
      if (c == ',') state_ = State::kKey;
      if (c == '}') state_ = name_.empty() ? State::kFailed : State::kDone;
      return "";
    case State::kDone:
    case State::kFailed:
      break;
  }
  return "";
}

/// Takes a member over; returns arguments that waited for the name.
std::string CallScanner::end_value() {
  state_ = State::kAfter;
  if (key_ == "name" || key_ == "tool_name") {
    name_ = json_string_text(value_);
    return std::exchange(early_arguments_, {});
  }
  if (key_ == "id") id_ = json_string_text(value_);
  if (!is_arguments()) return "";
  const std::string whole = text_arguments_ ? json_string_text(value_) : value_;
  if (name_.empty()) {
    early_arguments_ = whole;
    return "";
  }
  return text_arguments_ ? whole : "";
}

}  // namespace vivace
