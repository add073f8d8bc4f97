#include "chat/text_model.h"

#include "base/os/file.h"
#include "chat/vocabulary_from_gguf.h"
#include "text/template/fallback.h"

namespace vivace {
namespace {

const OptionRow kTemplateRows[] = {
    {.name = "chat-template",
     .type = OptionType::kString,
     .default_text = "",
     .help = "File with a Jinja chat template, or a name such as chatml, instead of the model's own",
     .group = "Prompt"},
};

constexpr const char* kTemplateKey = "tokenizer.chat_template";

std::string text_of(const Tokenizer& tokenizer, int32_t id) {
  return id < 0 ? "" : std::string(tokenizer.token_text(id));
}

struct TemplateSource {
  std::string source;
  std::string note;
};

TemplateSource wished_template(const std::string& wish) {
  std::error_code ignored;
  if (std::filesystem::exists(wish, ignored)) return {read_text_file(wish), ""};
  if (auto known = fallback_by_name(wish)) return {std::move(known->source), ""};
  std::string names;
  for (std::string_view name : fallback_names()) names += (names.empty() ? "" : ", ") + std::string(name);
  throw Error(ErrorCode::kNotFound, "no template file '" + wish + "', and no template of that name", "known: " + names);
}

std::optional<TemplateSource> find_template(const GgufFile& file, const Tokenizer& tokenizer) {
  if (const auto stored = file.metadata().find_string(kTemplateKey)) return TemplateSource{std::string(*stored), ""};
  auto fallback = choose_fallback([&](std::string_view text) { return tokenizer.find(text) >= 0; });
  if (!fallback) return std::nullopt;
  return TemplateSource{std::move(fallback->source), "using the " + fallback->name + " template: " + fallback->reason};
}

}  // namespace

std::span<const OptionRow> template_options() { return kTemplateRows; }

std::unique_ptr<Tokenizer> open_tokenizer(const GgufFile& file) {
  constexpr const char* kWithout = "the file has no vocabulary, so text can't be read or written with it";
  constexpr const char* kHint = "inspect, score and bench work without one";
  const auto model = file.metadata().find_string("tokenizer.ggml.model");
  if (!model || *model == "none" || *model == "no_vocab") throw Error(ErrorCode::kUnsupported, kWithout, kHint);
  return Tokenizer::create(vocabulary_from_gguf(file.metadata()));
}

ChosenTemplate open_chat_template(const GgufFile& file, const Tokenizer& tokenizer, const std::string& wish) {
  std::optional<TemplateSource> found = wish.empty() ? find_template(file, tokenizer) : wished_template(wish);
  if (!found) return {};
  return {std::make_unique<ChatTemplate>(std::move(found->source), text_of(tokenizer, tokenizer.bos()),
                                         text_of(tokenizer, tokenizer.eos())),
          std::move(found->note)};
}

ChatParts open_chat_parts(const GgufFile& file, const std::string& template_wish) {
  std::unique_ptr<Tokenizer> tokenizer = open_tokenizer(file);
  ChosenTemplate chosen = open_chat_template(file, *tokenizer, template_wish);
  auto vocabulary = std::make_unique<EngineVocabulary>(*tokenizer);
  const AnswerFormat& format = answer_format_of(chosen.chat_template ? chosen.chat_template->source() : "");
  return {std::move(tokenizer), std::move(vocabulary), std::move(chosen), format};
}

}  // namespace vivace
