// Fuzzes vocabulary and text together: the first bytes make a vocabulary of any kind, the rest is tokenised. Whatever
// comes in, ids stay inside the vocabulary and errors are Errors.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer/pre_split.h"
#include "text/tokenizer/tokenizer.h"

namespace {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view text(size_t length) {
    const std::string_view part = rest_.substr(0, length);
    rest_.remove_prefix(part.size());
    return part;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

vivace::VocabularyData make_vocabulary(Input& in) {
  vivace::VocabularyData data;
  const char* models[] = {"gpt2", "llama", "bert", "t5", "gemma4", "none"};
  data.model = models[in.byte() % 6];
  const auto rules = vivace::all_pre_splits();
  data.pre = rules[in.byte() % rules.size()]->name;
  const size_t tokens = in.byte();
  for (size_t i = 0; i < tokens; ++i) {
    const uint8_t head = in.byte();
    data.tokens.emplace_back(in.text(head % 8));
    data.token_types.push_back(head / 8 % 8);
    data.scores.push_back(static_cast<float>(head) - 128.0F);
  }
  const size_t merges = in.byte() % 32;
  for (size_t i = 0; i < merges; ++i) data.merges.emplace_back(in.text(in.byte() % 8));
  data.bos = static_cast<int8_t>(in.byte());
  data.eos = static_cast<int8_t>(in.byte());
  data.unknown = static_cast<int8_t>(in.byte());
  const uint8_t flags = in.byte();
  data.add_space_prefix = (flags & 1) != 0;
  data.remove_extra_whitespaces = (flags & 2) != 0;
  data.precompiled_charsmap = in.text(flags / 4 * 4);
  if (flags % 3 == 0) data.general_name = "phi-3";
  return data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Input in(bytes, size);
  try {
    const auto tokenizer = vivace::Tokenizer::create(make_vocabulary(in));
    for (const bool parse : {false, true}) {
      const auto ids = tokenizer->encode(in.rest(), {parse, parse});
      for (const int32_t id : ids) {
        if (id < 0 || id >= tokenizer->size()) std::abort();
      }
      tokenizer->decode(ids, {parse, parse});
    }
  } catch (const vivace::Error&) {
  }
  return 0;
}
