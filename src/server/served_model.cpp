#include "server/served_model.h"

namespace vivace {
namespace {

std::vector<TokenId> shown_tokens(const ChatParts& chat) {
  std::vector<TokenId> shown;
  for (std::string_view marker : chat.answer_format.markers()) {
    const TokenId id = chat.tokenizer->find(marker);
    if (id >= 0 && chat.tokenizer->token_type(id) == TokenType::kControl) shown.push_back(id);
  }
  return shown;
}

}  // namespace

ServedModel::ServedModel(std::string name, ModelEntry model, std::unique_ptr<ModelSource> from, ChatParts text,
                         EngineOptions options)
    : id(std::move(name)),
      entry(std::move(model)),
      source(std::move(from)),
      chat(std::move(text)),
      shown(shown_tokens(chat)),
      engine(std::make_unique<Engine>(*source, chat.vocabulary.get(), std::move(options))) {}

ModelLease::ModelLease(std::shared_ptr<ServedModel> model) : model_(std::move(model)) {
  ++model_->uses;
  use_ = std::shared_ptr<void>(nullptr, [used = model_](void*) {
    used->last_use = ServedModel::Clock::now().time_since_epoch().count();
    --used->uses;
  });
}

}  // namespace vivace
