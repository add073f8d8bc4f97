#include "server/conversation_store.h"

#include "base/date.h"
#include "base/error.h"

namespace vivace {
namespace {

constexpr const char* kKind = "conversation";
constexpr int32_t kMostOnDisk = 1000;

}  // namespace

void ConversationStore::keep(const std::string& id, StoredConversation conversation) {
  const std::string text =
      dump_json({{"model", conversation.model}, {"messages", conversation.messages}, {"body", conversation.body}});
  on_disk([&] { records_->add(kKind, id, date_text(), text, kMostOnDisk); });
  const size_t bytes = text.size() + id.size();
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
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->conversation;
    }
  }
  return read(id);
}

bool ConversationStore::remove(const std::string& id) {
  const bool on_record = read(id).has_value();
  on_disk([&] { records_->remove(kKind, id); });
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return on_record;
  bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  by_id_.erase(found);
  return true;
}

std::optional<StoredConversation> ConversationStore::read(const std::string& id) {
  std::optional<StoredConversation> conversation;
  on_disk([&] {
    const auto record = records_->last(kKind, id);
    if (!record) return;
    const Json json = parse_json(record->body, kMaxJsonDepth + 2);
    if (!json.is_object() || !json.contains("messages")) return;  // another version's
    conversation = {json.value("model", ""), json.at("messages"), json.value("body", Json())};
  });
  return conversation;
}

void ConversationStore::on_disk(const std::function<void()>& step) {
  const std::lock_guard lock(disk_mutex_);
  if (!records_) return;
  try {
    step();
  } catch (const Error& error) {
    log_.warn("a chat is not on disk", {{"error", error.what()}});
  }
}

}  // namespace vivace
