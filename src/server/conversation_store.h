// Chats that the server remembers by the id of their last answer, for clients that send only what is new.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/json.h"
#include "base/log.h"
#include "store/record_store.h"

namespace vivace {

struct StoredConversation {
  std::string model;
  Json messages;        // with the answer
  Json body = nullptr;  // the answer as it was told, where the dialect gives it out again
};

/// In memory, and on disk where records are given: those outlive the server. The oldest go where there are too many.
/// What the disk refuses is logged; it is a chat less to go on with, not an answer less. Thread-safe.
class ConversationStore {
 public:
  explicit ConversationStore(std::optional<RecordStore> records = {}, Logger log = {},
                             size_t most_bytes = size_t{64} << 20)
      : records_(std::move(records)), log_(log), most_bytes_(most_bytes) {}

  void keep(const std::string& id, StoredConversation conversation);
  std::optional<StoredConversation> find(const std::string& id);
  bool remove(const std::string& id);

 private:
  struct Entry {
    std::string id;
    StoredConversation conversation;
    size_t bytes = 0;
  };

  std::optional<StoredConversation> read(const std::string& id);
  /// Runs `step`; what the disk refuses is logged.
  void on_disk(const std::function<void()>& step);

  std::mutex disk_mutex_;
  std::optional<RecordStore> records_;
  const Logger log_;
  const size_t most_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
  size_t bytes_ = 0;
};

}  // namespace vivace
