#include "text/answer/answer_parser.h"

#include <algorithm>
#include <utility>

#include "text/answer/lattice_arguments.h"

namespace vivace {
namespace {

constexpr std::string_view kSpaces = " \n\t\r";
constexpr size_t kNone = std::string::npos;

size_t first_solid(std::string_view text) { return std::min(text.find_first_not_of(kSpaces), text.size()); }

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == kNone) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1));
}

/// Letters at the end of `text` that may be the beginning of `marker`.
size_t partial_tail(std::string_view text, std::string_view marker) {
  if (marker.empty()) return 0;
  for (size_t n = std::min(text.size(), marker.size() - 1); n > 0; --n) {
    if (text.ends_with(marker.substr(0, n))) return n;
  }
  return 0;
}

struct Found {
  size_t at = kNone;
  std::string_view marker;
};

/// The marker that comes first; of those at one place the longest.
Found first_of(std::string_view text, const std::vector<std::string_view>& markers) {
  Found found;
  for (std::string_view marker : markers) {
    if (marker.empty()) continue;
    const size_t at = text.find(marker);
    if (at == kNone) continue;
    if (at < found.at || (at == found.at && marker.size() > found.marker.size())) found = {at, marker};
  }
  return found;
}

size_t longest_tail(std::string_view text, const std::vector<std::string_view>& markers) {
  size_t tail = 0;
  for (std::string_view marker : markers) tail = std::max(tail, partial_tail(text, marker));
  return tail;
}

/// Whether a longer marker may still grow out of what was found.
bool may_grow(std::string_view text, const Found& found, const std::vector<std::string_view>& markers) {
  return std::any_of(markers.begin(), markers.end(), [&](std::string_view marker) {
    return marker.size() > found.marker.size() && marker.starts_with(text.substr(found.at));
  });
}

/// Whether text at a header's place begins like one, as far as it goes.
bool may_be_header(std::string_view text) {
  text.remove_prefix(first_solid(text));
  constexpr std::string_view kBegin = "<|", kTo = "to=";
  return text.starts_with(kBegin) || text.starts_with(kTo) || kBegin.starts_with(text) || kTo.starts_with(text);
}

const std::vector<std::string_view> kChannelEnds = {"<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>"};

}  // namespace

AnswerParser::AnswerParser(const AnswerFormat& format, AnswerParserOptions options)
    : format_(format), options_(std::move(options)) {
  if (format_.style == CallStyle::kChannels) {
    state_ = State::kChannelHeader;
  } else if (options_.in_reasoning && options_.reasoning) {
    state_ = State::kReasoning;
  }
}

std::vector<AnswerPart> AnswerParser::push(std::string_view text) {
  held_ += text;
  while (!held_.empty() && step(false)) {
  }
  return std::exchange(parts_, {});
}

std::vector<AnswerPart> AnswerParser::finish() {
  while (!held_.empty() && step(true)) {
  }
  if (!raw_.empty() && !call_open_) emit(Kind::kContent, std::exchange(raw_, {}));
  if (call_open_) close_call();
  return std::exchange(parts_, {});
}

/// One move; false where more text is needed. With `last` nothing is waited for.
bool AnswerParser::step(bool last) {
  switch (state_) {
    case State::kContent:
      return content(last);
    case State::kReasoning:
      return reasoning(last);
    case State::kObjects:
      return objects(last);
    case State::kHeader:
      return header(last);
    case State::kArguments:
      return arguments(last);
    case State::kAfterCall:
      return after_call(last);
    case State::kChannelHeader:
      return channel_header(last);
    case State::kChannelBody:
      return channel_body(last);
  }
  return false;
}

void AnswerParser::emit(Kind kind, std::string text) {
  if (text.empty()) return;
  if (kind == Kind::kContent && !said_anything_) {
    // Spaces between the reasoning or a call and the answer are no part of it.
    if (thought_ || calls_ > 0) text.erase(0, first_solid(text));
    if (text.empty()) return;
    said_anything_ = first_solid(text) < text.size();
  }
  if (!parts_.empty() && parts_.back().kind == kind && kind != Kind::kCallBegin && kind != Kind::kCallEnd) {
    parts_.back().text += text;
    return;
  }
  AnswerPart part;
  part.kind = kind;
  part.text = std::move(text);
  part.call = std::max(0, calls_ - 1);
  parts_.push_back(std::move(part));
}

void AnswerParser::open_call(const std::string& name, const std::string& id) {
  call_open_ = true;
  ++calls_;
  AnswerPart part;
  part.kind = Kind::kCallBegin;
  part.text = name;
  part.id = id;
  part.call = calls_ - 1;
  parts_.push_back(std::move(part));
  said_anything_ = false;
}

void AnswerParser::close_call() {
  call_open_ = false;
  AnswerPart part;
  part.kind = Kind::kCallEnd;
  part.call = calls_ - 1;
  parts_.push_back(std::move(part));
}

bool AnswerParser::knows(const std::string& tool) const {
  return std::find(options_.tools.begin(), options_.tools.end(), tool) != options_.tools.end();
}

bool AnswerParser::starts_bare_call() const {
  if (format_.style != CallStyle::kBare || !options_.calls || said_anything_) return false;
  const size_t solid = first_solid(held_);
  return solid < held_.size() && held_[solid] == '{';
}

bool AnswerParser::content(bool last) {
  if (starts_bare_call()) return bare_call(last);
  std::vector<std::string_view> markers;
  if (options_.reasoning) markers.push_back(format_.reasoning_begin);
  if (options_.calls) {
    markers.push_back(format_.call_begin);
    markers.insert(markers.end(), format_.fences.begin(), format_.fences.end());
  }
  const Found found = first_of(held_, markers);
  if (found.at == kNone) {
    size_t end = held_.size() - (last ? 0 : longest_tail(held_, markers));
    // Spaces before a call are no part of the answer.
    if (options_.calls && !last) end = held_.substr(0, end).find_last_not_of(kSpaces) + 1;
    // Nor are those before reasoning.
    if (!said_anything_ && !last && first_solid(held_) >= end) end = 0;
    emit(Kind::kContent, held_.substr(0, end));
    held_.erase(0, end);
    return false;
  }
  if (!last && may_grow(held_, found, markers)) return false;
  // Before reasoning there is nothing but spaces, else it is a quotation.
  const bool is_reasoning = options_.reasoning && found.marker == format_.reasoning_begin;
  const std::string before = held_.substr(0, found.at);
  if (is_reasoning && (said_anything_ || first_solid(before) < before.size())) {
    emit(Kind::kContent, held_.substr(0, found.at + found.marker.size()));
    held_.erase(0, found.at + found.marker.size());
    return true;
  }
  const bool is_call = options_.calls && found.marker == format_.call_begin;
  const size_t solid = before.find_last_not_of(kSpaces) + 1;
  if (is_call) {
    emit(Kind::kContent, before.substr(0, solid));
  } else if (!is_reasoning) {
    emit(Kind::kContent, before);
  }
  held_.erase(0, found.at + found.marker.size());
  if (is_reasoning) {
    state_ = State::kReasoning;
  } else if (is_call) {
    raw_ = before.substr(solid) + std::string(found.marker);
    list_ = false;
    scanner_ = {};
    state_ = format_.style == CallStyle::kNamed ? State::kHeader : State::kObjects;
  }
  return true;
}

void AnswerParser::emit_reasoning(std::string text, bool ends) {
  text = std::exchange(spaces_, {}) + text;
  if (!thought_) text.erase(0, first_solid(text));
  const size_t solid = text.find_last_not_of(kSpaces);
  const size_t keep = solid == kNone ? 0 : solid + 1;
  if (!ends) spaces_ = text.substr(keep);
  text.resize(keep);
  thought_ = thought_ || !text.empty() || ends;
  emit(Kind::kReasoning, std::move(text));
}

bool AnswerParser::reasoning(bool last) {
  const size_t end = held_.find(format_.reasoning_end);
  if (end == kNone) {
    const size_t keep = last ? 0 : partial_tail(held_, format_.reasoning_end);
    emit_reasoning(held_.substr(0, held_.size() - keep), last);
    held_.erase(0, held_.size() - keep);
    return false;
  }
  emit_reasoning(held_.substr(0, end), true);
  held_.erase(0, end + format_.reasoning_end.size());
  thought_ = true;
  state_ = State::kContent;
  return true;
}

/// {"name": …} objects behind a marker, alone or in a list.
bool AnswerParser::objects(bool last) {
  size_t i = 0;
  for (; i < held_.size(); ++i) {
    const char c = held_[i];
    if (!call_open_) raw_ += c;
    const bool between = raw_.find('{') == kNone && !call_open_;
    // Before the object: spaces, a list's bracket, a fence of code.
    if (between && c != '{') {
      list_ = list_ || c == '[';
      if (kSpaces.find(c) != kNone || c == '[' || c == ',' || c == '`' || (c >= 'a' && c <= 'z')) continue;
      if (c == ']' && list_) raw_.clear();
      state_ = State::kAfterCall;
      break;
    }
    const std::string grown = scanner_.push(c);
    if (!call_open_ && !scanner_.name().empty()) open_call(scanner_.name(), scanner_.id());
    if (call_open_) emit(Kind::kCallArguments, grown);
    if (scanner_.failed()) {
      state_ = State::kContent;
      ++i;
      emit(Kind::kContent, std::exchange(raw_, {}));
      break;
    }
    if (scanner_.done()) {
      close_call();
      raw_.clear();
      scanner_ = {};
      if (list_) continue;
      state_ = State::kAfterCall;
      ++i;
      break;
    }
  }
  held_.erase(0, i);
  return !held_.empty() && (state_ != State::kObjects || last);
}

/// An answer that is a call and nothing else. Until the name of a tool is there it may be just JSON.
bool AnswerParser::bare_call(bool last) {
  CallScanner scanner;
  std::string grown;
  for (size_t i = first_solid(held_); i < held_.size(); ++i) {
    grown += scanner.push(held_[i]);
    const bool wrong = !scanner.name().empty() && !knows(scanner.name());
    if (scanner.failed() || wrong) {
      emit(Kind::kContent, held_.substr(0, i + 1));
      held_.erase(0, i + 1);
      return true;
    }
    if (!scanner.name().empty()) {
      open_call(scanner.name(), scanner.id());
      scanner_ = scanner;
      emit(Kind::kCallArguments, grown);
      held_.erase(0, i + 1);
      raw_ = "{";
      state_ = State::kObjects;
      list_ = false;
      if (scanner.done()) {
        close_call();
        raw_.clear();
        state_ = State::kAfterCall;
      }
      return true;
    }
  }
  if (last) emit(Kind::kContent, std::exchange(held_, {}));
  return false;
}

void AnswerParser::take_header(const std::string& text) {
  std::string name = text, id;
  if (const size_t at = text.find(format_.separator); !format_.separator.empty() && at != kNone) {
    name = text.substr(0, at);
    // DeepSeek R1: function<sep>NAME and a fence of code.
    const std::string behind = trimmed(text.substr(at + format_.separator.size()));
    if (const std::string line = trimmed(behind.substr(0, behind.find_first_of("\n`"))); !line.empty()) name = line;
  }
  if (const size_t at = name.find(format_.id_separator); !format_.id_separator.empty() && at != kNone) {
    id = trimmed(name.substr(at + format_.id_separator.size()));
    name.resize(at);
  }
  open_call(trimmed(name), id);
  raw_.clear();
  value_ = {};
}

/// Name and separator, up to the arguments' bracket.
bool AnswerParser::header(bool last) {
  const size_t brace = held_.find('{');
  // A list of objects instead: Mistral's older way.
  const std::string rest = held_.substr(first_solid(held_));
  const auto separates = [&](std::string_view separator) { return !separator.empty() && rest.starts_with(separator); };
  const bool may_separate = format_.separator.starts_with(rest) || format_.id_separator.starts_with(rest);
  if (rest.starts_with("[") && !separates(format_.separator) && !separates(format_.id_separator)) {
    if (may_separate && !last) return false;
    state_ = State::kObjects;
    return true;
  }
  if (brace == kNone) {
    constexpr size_t kLongest = 512;
    if (!last && held_.size() < kLongest) return false;
    emit(Kind::kContent, std::exchange(raw_, {}) + std::exchange(held_, {}));
    state_ = State::kContent;
    return false;
  }
  take_header(held_.substr(0, brace));
  held_.erase(0, brace);
  state_ = State::kArguments;
  return true;
}

bool AnswerParser::arguments(bool last) {
  if (format_.lattice_arguments) {
    const size_t end = held_.find(format_.call_end);
    if (end == kNone && !last) return false;
    emit(Kind::kCallArguments, json_of_lattice(held_.substr(0, end)));
    close_call();
    held_.erase(0, end);
    state_ = State::kAfterCall;
    return !held_.empty();
  }
  size_t i = 0;
  while (i < held_.size() && !value_.done()) value_.push(held_[i++]);
  emit(Kind::kCallArguments, held_.substr(0, i));
  held_.erase(0, i);
  if (!value_.done()) return false;
  close_call();
  state_ = State::kAfterCall;
  return !held_.empty();
}

/// Spaces, brackets and fences behind a call, then its end marker.
bool AnswerParser::after_call(bool last) {
  const size_t solid = std::min(held_.find_first_not_of(" \n\t\r]`,"), held_.size());
  held_.erase(0, solid);
  if (held_.empty()) return false;
  if (!format_.call_end.empty() && held_.starts_with(format_.call_end)) {
    held_.erase(0, format_.call_end.size());
  } else if (!last && !format_.call_end.empty() && format_.call_end.starts_with(held_)) {
    return false;
  }
  raw_.clear();
  state_ = State::kContent;
  return !held_.empty();
}

/// "<|channel|>commentary to=functions.x <|constrain|>json<|message|>"; the answer begins behind "<|start|>assistant".
bool AnswerParser::channel_header(bool last) {
  constexpr std::string_view kMessage = "<|message|>", kTo = "to=functions.";
  if (!may_be_header(held_)) {  // a model that writes no channels
    channel_call_ = channel_reasoning_ = false;
    state_ = State::kChannelBody;
    return true;
  }
  const size_t end = held_.find(kMessage);
  if (end == kNone) {
    if (last && !trimmed(held_).starts_with("<|")) emit(Kind::kContent, held_);
    if (last) held_.clear();
    return false;
  }
  const std::string header = held_.substr(0, end);
  held_.erase(0, end + kMessage.size());
  channel_call_ = channel_reasoning_ = false;
  if (const size_t to = header.find(kTo); to != kNone && options_.calls) {
    const std::string rest = header.substr(to + kTo.size());
    open_call(rest.substr(0, rest.find_first_of(" <\n")), "");
    channel_call_ = true;
  } else {
    channel_reasoning_ = header.find("<|channel|>analysis") != kNone && options_.reasoning;
  }
  state_ = State::kChannelBody;
  return true;
}

bool AnswerParser::channel_body(bool last) {
  const Found found = first_of(held_, kChannelEnds);
  const size_t keep = found.at != kNone || last ? 0 : longest_tail(held_, kChannelEnds);
  const std::string text = held_.substr(0, found.at == kNone ? held_.size() - keep : found.at);
  const bool ends = found.at != kNone;
  if (channel_call_) {
    emit(Kind::kCallArguments, text);
    if (ends) close_call();
  } else if (channel_reasoning_) {
    emit_reasoning(text, ends);
  } else {
    emit(Kind::kContent, text);
  }
  if (!ends) {
    held_.erase(0, text.size());
    return false;
  }
  // A header that begins at once keeps its first marker.
  const bool header_follows = found.marker == "<|channel|>" || found.marker == "<|start|>";
  held_.erase(0, found.at + (header_follows ? 0 : found.marker.size()));
  state_ = State::kChannelHeader;
  return !held_.empty();
}

}  // namespace vivace
