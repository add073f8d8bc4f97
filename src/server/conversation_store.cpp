#include "server/conversation_store.h"

namespace vivace {

void ConversationStore::keep(const std::string& id, StoredConversation conversation) {
  const size_t bytes = dump_json(conversation.messages).size() + dump_json(conversation.body).size() + id.size();
  const std::lock_guard lock(mutex_);
  entries_.push_front({id, std::move(conversation), bytes});
  by_id_[id] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > most_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    by_id_.erase(entries_.back().id);
    entries_.pop_back();
  }
}

std::optional<StoredConversation> ConversationStore::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->conversation;
}

bool ConversationStore::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  by_id_.erase(found);
  return true;
}

}  // namespace vivace
