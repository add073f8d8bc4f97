// The checked, immutable token list that all tokenizer kinds share.
#include "text/tokenizer/token_table.h"

#include <algorithm>

#include "base/error.h"

namespace vivace {
namespace {

constexpr size_t kMostTokens = size_t{1} << 26;

// Names of tokens that end a turn. A file that lists one as a normal token means a control token all the same.
bool ends_a_turn_by_name(std::string_view text) {
  return text == "<|im_end|>" || text == "<|eot_id|>" || text == "<end_of_turn>" || text == "<|endoftext|>" ||
         text == "<|end_of_text|>" || text == "<|eom_id|>" || text == "<|end|>";
}

// Byte of "<0xXX>", or -1.
int parse_byte(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return -1;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

}  // namespace

TokenTable::TokenTable(VocabularyData data) : data_(std::move(data)), table_(data_.tokens.size()) {
  const size_t count = data_.tokens.size();
  if (count == 0) throw Error(ErrorCode::kInvalidFile, "the vocabulary has no tokens");
  if (count > kMostTokens) {
    throw Error(ErrorCode::kInvalidFile,
                "the vocabulary has " + std::to_string(count) + " tokens, more than any model");
  }
  if (!data_.scores.empty() && data_.scores.size() != count) {
    throw Error(ErrorCode::kInvalidFile, "the vocabulary has " + std::to_string(count) + " tokens but " +
                                             std::to_string(data_.scores.size()) + " scores");
  }
  if (!data_.token_types.empty() && data_.token_types.size() != count) {
    throw Error(ErrorCode::kInvalidFile, "the vocabulary has " + std::to_string(count) + " tokens but " +
                                             std::to_string(data_.token_types.size()) + " token types");
  }
  check_ids();

  types_.resize(count, TokenType::kNormal);
  is_ordinary_.resize(count);
  byte_tokens_.fill(-1);
  size_t empty = 0, renamed = 0, duplicates = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string& text = data_.tokens[i];
    if (!data_.token_types.empty()) {
      const int32_t type = data_.token_types[i];
      if (type >= 1 && type <= 6) types_[i] = static_cast<TokenType>(type);  // 0 and the unknown: normal
    }
    if (types_[i] == TokenType::kNormal && ends_a_turn_by_name(text)) {
      types_[i] = TokenType::kControl;
      ++renamed;
    }
    empty += text.empty();
    longest_ = std::max(longest_, text.size());
    const TokenType type = types_[i];
    is_ordinary_[i] =
        type == TokenType::kNormal || type == TokenType::kUserDefined || type == TokenType::kUnused ? 1 : 0;
    const int byte = type == TokenType::kByte || type == TokenType::kNormal ? parse_byte(text) : -1;
    if (byte >= 0 && (type == TokenType::kByte || byte_tokens_[static_cast<size_t>(byte)] < 0)) {
      byte_tokens_[static_cast<size_t>(byte)] = static_cast<int32_t>(i);
    }
    if (type != TokenType::kNormal && !text.empty()) table_.set(text, static_cast<int32_t>(i), TextOfId{data_.tokens});
  }
  for (size_t i = 0; i < count; ++i) {
    if (types_[i] != TokenType::kNormal || data_.tokens[i].empty()) continue;
    duplicates += !table_.set(data_.tokens[i], static_cast<int32_t>(i), TextOfId{data_.tokens});
  }
  if (empty != 0) notes_.push_back(std::to_string(empty) + " tokens have no text and are never produced");
  if (duplicates != 0) notes_.push_back(std::to_string(duplicates) + " tokens repeat the text of another one");
  if (renamed != 0) notes_.push_back(std::to_string(renamed) + " tokens that end a turn are listed as normal text");
}

void TokenTable::check_ids() const {
  const auto check = [&](int32_t id, const char* name) {
    if (id < -1 || id >= size()) {
      throw Error(ErrorCode::kInvalidFile, std::string("the vocabulary's ") + name + " id " + std::to_string(id) +
                                               " is outside its " + std::to_string(size()) + " tokens");
    }
  };
  check(data_.bos, "BOS");
  check(data_.eos, "EOS");
  check(data_.eot, "EOT");
  check(data_.eom, "EOM");
  check(data_.unknown, "unknown-token");
  check(data_.separator, "separator");
  check(data_.padding, "padding");
  check(data_.classification, "classification");
  check(data_.mask, "mask");
  check(data_.fim_prefix, "FIM prefix");
  check(data_.fim_suffix, "FIM suffix");
  check(data_.fim_middle, "FIM middle");
  check(data_.fim_padding, "FIM padding");
  check(data_.fim_repository, "FIM repository");
  check(data_.fim_separator, "FIM separator");
}

int TokenTable::byte_of(int32_t id) const { return type(id) == TokenType::kByte ? parse_byte(text(id)) : -1; }

}  // namespace vivace
