// A loaded model with everything that answers with it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "chat/answer_constraint.h"
#include "chat/text_model.h"
#include "engine/engine.h"
#include "engine/model_source.h"
#include "server/model_folders.h"
#include "text/answer/answer_format.h"

namespace vivace {

class ServedModel {
 public:
  using Clock = std::chrono::steady_clock;

  /// `source` has loaded the model. Throws as open_tokenizer() does.
  ServedModel(std::string id, ModelEntry model, std::unique_ptr<ModelSource> from, ChatParts text,
              EngineOptions options);

  const std::string id;
  const ModelEntry entry;
  const std::unique_ptr<ModelSource> source;
  const ChatParts chat;
  const std::vector<TokenId> shown;  // control tokens that parts of an answer begin and end with
  LazyGrammarVocabulary grammar_vocabulary;
  std::unique_ptr<Engine> engine;  // last: what it runs uses the rest

  const Plan& plan() const { return source->plan(); }

  // The pool's.
  bool just_in_time = false;
  std::optional<std::chrono::seconds> ttl;
  std::atomic<int> uses{0};
  std::atomic<Clock::rep> last_use{Clock::now().time_since_epoch().count()};

  double idle_seconds() const {
    return std::chrono::duration<double>(Clock::now().time_since_epoch() - Clock::duration(last_use.load())).count();
  }
};

/// Keeps a model loaded while a request uses it.
class ModelLease {
 public:
  ModelLease() = default;
  explicit ModelLease(std::shared_ptr<ServedModel> model);
  ModelLease(ModelLease&&) = default;
  ModelLease& operator=(ModelLease&&) = default;

  ServedModel* operator->() const { return model_.get(); }
  ServedModel& operator*() const { return *model_; }
  explicit operator bool() const { return model_ != nullptr; }

 private:
  std::shared_ptr<ServedModel> model_;
  std::shared_ptr<void> use_;  // gives the use back, before the model goes
};

}  // namespace vivace
