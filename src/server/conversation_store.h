// Chats that the server remembers by the id of their last answer, for clients that send only what is new.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/json.h"

namespace vivace {

struct StoredConversation {
  std::string model;
  Json messages;        // with the answer
  Json body = nullptr;  // the answer as it was told, where the dialect gives it out again
};

/// In memory; the oldest go where there are too many. Thread-safe.
class ConversationStore {
 public:
  explicit ConversationStore(size_t most_bytes = size_t{64} << 20) : most_bytes_(most_bytes) {}

  void keep(const std::string& id, StoredConversation conversation);
  std::optional<StoredConversation> find(const std::string& id);
  bool remove(const std::string& id);

 private:
  struct Entry {
    std::string id;
    StoredConversation conversation;
    size_t bytes = 0;
  };

  const size_t most_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
  size_t bytes_ = 0;
};

}  // namespace vivace
