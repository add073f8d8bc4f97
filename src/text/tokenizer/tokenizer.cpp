// Text to token ids and back. One class for all kinds of vocabulary.
#include "text/tokenizer/tokenizer.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/error.h"
#include "text/tokenizer/pre_split.h"
#include "text/tokenizer/special_ids.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/token_model.h"

namespace vivace {
namespace {

constexpr size_t kLongestText = size_t{1} << 30;

enum class Kind { kSpm, kBpe, kWpm, kUgm };

// What a file means when it does not say: add BOS, EOS, separator, a space before the text.
struct KindRow {
  std::string_view model;
  Kind kind;
  std::string_view name;
  bool add_bos, add_eos, add_separator, add_space_prefix;
};

constexpr KindRow kKinds[] = {
    {"llama", Kind::kSpm, "SPM", true, false, false, true},   {"gpt2", Kind::kBpe, "BPE", false, false, false, false},
    {"gemma4", Kind::kBpe, "BPE", true, false, false, false}, {"bert", Kind::kWpm, "WPM", true, false, true, false},
    {"t5", Kind::kUgm, "UGM", false, true, false, true},
};

const KindRow& row_of(const std::string& model) {
  for (const KindRow& row : kKinds) {
    if (row.model == model) return row;
  }
  throw Error(ErrorCode::kUnsupported, "there is no tokenizer for vocabularies of model '" + model + "'",
              "supported: llama (SPM), gpt2 (BPE), bert (WPM), t5 (UGM), gemma4");
}

}  // namespace

struct Tokenizer::Parts {
  std::optional<TokenTable> vocabulary;  // absent for "none"
  int32_t size = 0;
  size_t merges = 0;
  VocabularyData none;  // ids of "none": all absent
  std::unique_ptr<TokenModel> model;
  std::optional<SpecialTokens> special;
  std::string_view kind = "none";
  std::string_view pre;
  bool add_bos = false, add_eos = false, add_separator = false, space_prefix = false;
  std::vector<int32_t> ends;
  std::vector<std::string> notes;

  const VocabularyData& data() const { return vocabulary ? vocabulary->data() : none; }
};

Tokenizer::Tokenizer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

std::unique_ptr<Tokenizer> Tokenizer::create(VocabularyData data) {
  auto parts = std::make_unique<Parts>();
  if (data.model == "none") {
    const uint64_t size = data.tokens.empty() ? data.vocabulary_size : data.tokens.size();
    if (size > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
      throw Error(ErrorCode::kInvalidFile,
                  "a vocabulary of " + std::to_string(size) + " ids is more than ids can count");
    }
    parts->size = static_cast<int32_t>(size);
    return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(parts)));
  }
  const KindRow& row = row_of(data.model);
  if (data.model == "gemma4") data.pre = "gemma4";
  set_default_ids(data);
  set_ids_by_name(data);
  parts->vocabulary.emplace(std::move(data));
  const TokenTable& vocabulary = *parts->vocabulary;
  const VocabularyData& checked = vocabulary.data();
  parts->notes = vocabulary.notes();
  parts->size = vocabulary.size();
  parts->kind = row.name;
  parts->space_prefix = checked.add_space_prefix.value_or(row.add_space_prefix);
  bool add_bos = row.add_bos;
  switch (row.kind) {
    case Kind::kSpm:
      parts->model = make_spm(vocabulary, parts->space_prefix);
      break;
    case Kind::kWpm:
      parts->model = make_wpm(vocabulary);
      break;
    case Kind::kUgm:
      parts->model = make_ugm(vocabulary, parts->space_prefix);
      break;
    case Kind::kBpe: {
      parts->model = make_bpe(vocabulary, parts->notes);
      parts->merges = checked.merges.size();
      parts->vocabulary->forget_merges();
      const PreSplitRule* rule = find_pre_split(checked.pre);
      if (rule == nullptr) rule = &default_pre_split();
      parts->pre = rule->name;
      parts->space_prefix = false;
      add_bos = add_bos || (rule->flags & PreSplitRule::kAddBos) != 0;
      break;
    }
  }
  parts->add_bos = checked.add_bos.value_or(add_bos) && checked.bos >= 0;
  parts->add_eos = checked.add_eos.value_or(row.add_eos) && checked.eos >= 0;
  parts->add_separator =
      row.kind == Kind::kWpm && checked.add_separator.value_or(row.add_separator) && checked.separator >= 0;
  parts->special.emplace(vocabulary, parts->notes);
  parts->ends = end_of_generation_ids(vocabulary);
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(parts)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  const Parts& parts = *parts_;
  if (!parts.vocabulary) {
    throw Error(ErrorCode::kUnsupported, "this model has no vocabulary, so text can't be turned into tokens",
                "give token ids");
  }
  if (text.size() > kLongestText) {
    throw Error(ErrorCode::kInvalidArgument, "a text of " + std::to_string(text.size()) + " bytes is too long");
  }
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 4);
  if (options.add_special && parts.add_bos) ids.push_back(parts.data().bos);
  const auto session = parts.model->begin(text.size());
  bool after_special = true;
  parts.special->partition(
      text, options.parse_special,
      [&](std::string_view part) {
        session->encode(part, after_special, ids);
        after_special = false;
      },
      [&](int32_t id) {
        ids.push_back(id);
        after_special = true;
      });
  if (options.add_special && parts.add_separator) ids.push_back(parts.data().separator);
  if (options.add_special && parts.add_eos) ids.push_back(parts.data().eos);
  return ids;
}

std::string Tokenizer::piece(int32_t id, bool render_special) const {
  if (!parts_->vocabulary || id < 0 || id >= parts_->size) return {};
  const TokenTable& vocabulary = *parts_->vocabulary;
  switch (vocabulary.type(id)) {
    case TokenType::kControl:
    case TokenType::kUnknown:
      return render_special ? std::string(vocabulary.text(id)) : std::string();
    case TokenType::kUserDefined:
      return std::string(vocabulary.text(id));
    case TokenType::kByte: {
      const int byte = vocabulary.byte_of(id);
      return byte < 0 ? std::string(vocabulary.text(id)) : std::string(1, static_cast<char>(byte));
    }
    case TokenType::kNormal:
    case TokenType::kUnused:
      break;
  }
  return parts_->model->piece(id);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  std::string text;
  bool strip = options.strip_space_prefix && (parts_->space_prefix || parts_->kind == "WPM");
  for (const int32_t id : ids) {
    std::string next = piece(id, options.render_special);
    if (next.empty()) continue;
    if (strip && next.front() == ' ' && token_type(id) != TokenType::kUserDefined) next.erase(0, 1);
    strip = false;
    text += next;
  }
  return text;
}

int32_t Tokenizer::find(std::string_view text) const {
  return parts_->vocabulary ? parts_->vocabulary->find(text) : -1;
}

std::string_view Tokenizer::token_text(int32_t id) const {
  return parts_->vocabulary && id >= 0 && id < parts_->size ? parts_->vocabulary->text(id) : std::string_view();
}

TokenType Tokenizer::token_type(int32_t id) const {
  return parts_->vocabulary && id >= 0 && id < parts_->size ? parts_->vocabulary->type(id) : TokenType::kUnknown;
}

int32_t Tokenizer::size() const { return parts_->size; }
int32_t Tokenizer::bos() const { return parts_->data().bos; }
int32_t Tokenizer::eos() const { return parts_->data().eos; }
int32_t Tokenizer::eot() const { return parts_->data().eot; }
int32_t Tokenizer::unknown() const { return parts_->data().unknown; }
int32_t Tokenizer::padding() const { return parts_->data().padding; }
int32_t Tokenizer::separator() const { return parts_->data().separator; }
int32_t Tokenizer::mask() const { return parts_->data().mask; }
int32_t Tokenizer::fim_prefix() const { return parts_->data().fim_prefix; }
int32_t Tokenizer::fim_suffix() const { return parts_->data().fim_suffix; }
int32_t Tokenizer::fim_middle() const { return parts_->data().fim_middle; }
bool Tokenizer::adds_bos() const { return parts_->add_bos; }
bool Tokenizer::adds_eos() const { return parts_->add_eos; }

bool Tokenizer::is_end_of_generation(int32_t id) const {
  return std::binary_search(parts_->ends.begin(), parts_->ends.end(), id);
}
const std::vector<int32_t>& Tokenizer::end_of_generation() const { return parts_->ends; }

std::string_view Tokenizer::kind() const { return parts_->kind; }
std::string_view Tokenizer::pre_split() const { return parts_->pre; }
const std::vector<std::string>& Tokenizer::notes() const { return parts_->notes; }

std::string Tokenizer::summary() const {
  std::string line(parts_->kind);
  if (!parts_->pre.empty()) line += " (" + std::string(parts_->pre) + ")";
  line += ", " + std::to_string(parts_->size) + " tokens";
  if (!parts_->vocabulary) return line;
  if (parts_->merges != 0) line += ", " + std::to_string(parts_->merges) + " merges";
  const auto add = [&](const char* name, int32_t id) {
    if (id >= 0) line += std::string(", ") + name + " " + std::to_string(id) + " " + std::string(token_text(id));
  };
  add("BOS", bos());
  add("EOS", eos());
  add("EOT", eot());
  if (parts_->add_bos) line += ", adds BOS";
  if (parts_->add_eos) line += ", adds EOS";
  return line;
}

}  // namespace vivace
