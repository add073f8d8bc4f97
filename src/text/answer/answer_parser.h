// Takes a model's answer apart while it grows: what it says, what it thought, which tools it calls.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/answer/answer_format.h"
#include "text/answer/call_scanner.h"

namespace vivace {

struct AnswerPart {
  enum class Kind { kContent, kReasoning, kCallBegin, kCallArguments, kCallEnd };
  Kind kind = Kind::kContent;
  std::string text = {};  // kCallBegin: the tool's name
  int call = 0;           // which one, counted from 0
  std::string id = {};    // kCallBegin: the model's own name for the call, mostly none

  bool operator==(const AnswerPart&) const = default;
};

struct AnswerParserOptions {
  bool calls = false;              // tools were offered; else what looks like a call is content
  bool in_reasoning = false;       // the prompt ends inside the reasoning
  bool reasoning = true;           // false: what was thought is content, markers and all
  std::vector<std::string> tools;  // names; CallStyle::kBare takes no others for calls
};

/// However the text is cut into pieces, the parts joined are the same.
class AnswerParser {
 public:
  AnswerParser(const AnswerFormat& format, AnswerParserOptions options);

  std::vector<AnswerPart> push(std::string_view text);
  /// What was held back. A call that is not complete ends here.
  std::vector<AnswerPart> finish();

  int calls() const { return calls_; }

 private:
  enum class State { kContent, kReasoning, kObjects, kHeader, kArguments, kAfterCall, kChannelHeader, kChannelBody };
  using Kind = AnswerPart::Kind;

  bool step(bool last);
  bool content(bool last);
  bool reasoning(bool last);
  bool objects(bool last);
  bool header(bool last);
  bool arguments(bool last);
  bool after_call(bool last);
  bool channel_header(bool last);
  bool channel_body(bool last);
  bool bare_call(bool last);
  void open_call(const std::string& name, const std::string& id);
  void close_call();
  void emit(Kind kind, std::string text);
  void emit_reasoning(std::string text, bool ends);
  bool starts_bare_call() const;
  bool knows(const std::string& tool) const;
  void take_header(const std::string& text);

  const AnswerFormat& format_;
  AnswerParserOptions options_;
  State state_ = State::kContent;
  std::string held_;            // not decided yet
  std::string spaces_;          // at the end of the reasoning: dropped where it ends
  std::string raw_;             // of a call that may turn out to be none
  bool said_anything_ = false;  // content, spaces apart
  bool thought_ = false;
  bool list_ = false;  // calls in brackets
  bool call_open_ = false;
  bool channel_call_ = false, channel_reasoning_ = false;
  CallScanner scanner_;
  ValueScanner value_;
  int calls_ = 0;
  std::vector<AnswerPart> parts_;
};

}  // namespace vivace
