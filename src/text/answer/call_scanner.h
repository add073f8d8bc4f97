// Reads JSON as it comes, letter by letter: where a value ends, and the calls in {"name": …, "arguments": …}.
#pragma once

#include <string>
#include <string_view>

namespace vivace {

/// Finds the end of one JSON value. Takes what is not JSON, too: it only counts brackets and quotes.
class ValueScanner {
 public:
  /// True where the value still goes on behind this character. A number or word ends before the character that can't
  /// be its own: then done() is true and `took_last` false.
  bool push(char c);
  bool done() const { return done_; }
  bool took_last() const { return took_last_; }

 private:
  int depth_ = 0;
  bool begun_ = false, in_string_ = false, escaped_ = false, done_ = false, took_last_ = true;
};

/// The members of one object that calls are made of.
class CallScanner {
 public:
  /// Takes a character; returns the text that the call's arguments grew by. Arguments come out once the name is known.
  std::string push(char c);
  /// The object is closed.
  bool done() const { return state_ == State::kDone; }
  /// It can't be a call: no object, or one without a name.
  bool failed() const { return state_ == State::kFailed; }
  const std::string& name() const { return name_; }
  const std::string& id() const { return id_; }

 private:
  enum class State { kBefore, kKey, kInKey, kColon, kValue, kAfter, kDone, kFailed };

  std::string end_value();
  bool is_arguments() const { return key_ == "arguments" || key_ == "parameters" || key_ == "args"; }

  State state_ = State::kBefore;
  bool escaped_ = false;
  std::string key_, value_, name_, id_;
  std::string early_arguments_;  // that came before the name
  bool text_arguments_ = false;  // given as a string that holds JSON
  ValueScanner scanner_;
};

/// The text of a JSON string with its quotes; as it is where that is none.
std::string json_string_text(std::string_view quoted);

}  // namespace vivace
