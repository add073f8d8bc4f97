#include "chat/answer_constraint.h"

#include "base/error.h"
#include "chat/bounded_schema.h"
#include "text/grammar/gbnf.h"

namespace vivace {
namespace {

class GrammarConstraint : public TokenConstraint {
 public:
  GrammarConstraint(const Tokenizer& tokenizer, Grammar grammar, std::string wait_for)
      : tokenizer_(tokenizer), grammar_(std::move(grammar)), wait_for_(std::move(wait_for)) {}

  std::span<const uint32_t> allowed() override {
    return wait_for_.empty() ? grammar_.allowed() : std::span<const uint32_t>();
  }

  bool take(TokenId id) override {
    if (wait_for_.empty()) return grammar_.take(id);
    seen_ += tokenizer_.piece(id, true);
    if (seen_.find(wait_for_) != std::string::npos) {
      wait_for_.clear();
    } else if (seen_.size() > 2 * wait_for_.size()) {
      seen_.erase(0, seen_.size() - wait_for_.size());
    }
    return true;
  }

 private:
  const Tokenizer& tokenizer_;
  Grammar grammar_;
  std::string wait_for_;  // the end of the reasoning; "": it is over
  std::string seen_;
};

std::shared_ptr<TokenConstraint> constraint(const ChatParts& model, LazyGrammarVocabulary& vocabulary, GrammarKind kind,
                                            const std::string& text, bool in_reasoning) {
  Grammar grammar(vocabulary.get(*model.tokenizer), kind, text);
  return std::make_shared<GrammarConstraint>(*model.tokenizer, std::move(grammar),
                                             in_reasoning ? std::string(model.answer_format.reasoning_end) : "");
}

// ---- calls as a grammar --------------------------------------------------------------------------------------------

/// A marker as Lark writes it: a control token by its number, else a string.
std::string lark_marker(const Tokenizer& tokenizer, std::string_view marker) {
  if (marker.empty()) return "";
  const int32_t id = tokenizer.find(marker);
  if (id >= 0 && tokenizer.token_type(id) == TokenType::kControl) return "<[" + std::to_string(id) + "]>";
  return dump_json(Json(std::string(marker)));
}

Json object_call_schema(const std::string& name, const Json& parameters, const char* arguments) {
  return {{"type", "object"},
          {"properties", {{"name", {{"const", name}}}, {arguments, parameters}}},
          {"required", {"name", arguments}},
          {"additionalProperties", false}};
}

std::string lark_json(const Json& schema) { return "%json " + dump_json(bounded_schema(schema)); }

/// The rule of one call, as the format writes it.
std::string lark_call(const ChatParts& model, const std::string& name, const Json& parameters) {
  const AnswerFormat& format = model.answer_format;
  const Tokenizer& tokenizer = *model.tokenizer;
  const auto marker = [&](std::string_view text) { return lark_marker(tokenizer, text); };
  const std::string quoted = dump_json(Json(name));
  switch (format.style) {
    case CallStyle::kBare:
      return lark_json(object_call_schema(name, parameters, "parameters"));
    case CallStyle::kNamed:
      if (format.lattice_arguments) {
        return dump_json(Json(std::string(format.call_begin) + name + "{")) + " /(.|\\n)*/";
      }
      return marker(format.call_begin) + " " + quoted + " " + marker(format.separator) + " " + lark_json(parameters) +
             " " + marker(format.call_end);
    case CallStyle::kChannels:
      return marker("<|channel|>") + " " + dump_json(Json("commentary to=functions." + name + " ")) + " " +
             marker("<|constrain|>") + " \"json\" " + marker("<|message|>") + " " + lark_json(parameters) + " " +
             marker("<|call|>");
    case CallStyle::kObjects:
      break;
  }
  const bool list = format.name == "granite";
  const std::string object = lark_json(object_call_schema(name, parameters, "arguments"));
  return marker(format.call_begin) + " " + (list ? "\"[\" " : "") + object + (list ? " \"]\"" : "") + " " +
         marker(format.call_end);
}

}  // namespace

std::shared_ptr<const GrammarVocabulary> LazyGrammarVocabulary::get(const Tokenizer& tokenizer) {
  const std::lock_guard lock(mutex_);
  if (!vocabulary_) vocabulary_ = std::make_shared<GrammarVocabulary>(tokenizer);
  return vocabulary_;
}

std::shared_ptr<TokenConstraint> shape_constraint(const ChatParts& model, LazyGrammarVocabulary& vocabulary,
                                                  const AnswerShape& shape, bool in_reasoning) {
  switch (shape.kind) {
    case AnswerShape::Kind::kFree:
      return nullptr;
    case AnswerShape::Kind::kJson:
      return constraint(model, vocabulary, GrammarKind::kJsonSchema, dump_json(bounded_schema({{"type", "object"}})),
                        in_reasoning);
    case AnswerShape::Kind::kSchema:
      return constraint(model, vocabulary, GrammarKind::kJsonSchema,
                        dump_json(bounded_schema(parse_json(shape.text, 128))), in_reasoning);
    case AnswerShape::Kind::kGrammar:
      return constraint(model, vocabulary, GrammarKind::kLark,
                        is_gbnf(shape.text) ? lark_of_gbnf(shape.text) : shape.text, in_reasoning);
    case AnswerShape::Kind::kRegex:
      return constraint(model, vocabulary, GrammarKind::kRegex, shape.text, in_reasoning);
  }
  return nullptr;
}

std::shared_ptr<TokenConstraint> call_constraint(const ChatParts& model, LazyGrammarVocabulary& vocabulary,
                                                 const Json& tools, const std::string& name, bool in_reasoning) {
  std::string rules, calls;
  for (size_t i = 0; i < tools.size(); ++i) {
    const Json& function = tools[i].at("function");
    const std::string own = function.at("name").get<std::string>();
    if (!name.empty() && own != name) continue;
    const std::string rule = "call" + std::to_string(i);
    calls += (calls.empty() ? "" : " | ") + rule;
    rules += rule + ": " + lark_call(model, own, function.at("parameters")) + "\n";
  }
  if (calls.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                name.empty() ? "there is no tool to call" : "there is no tool '" + name + "'");
  }
  return constraint(model, vocabulary, GrammarKind::kLark, "start: " + calls + "\n" + rules, in_reasoning);
}

}  // namespace vivace
