#include "store/record_store.h"

#include <cstdlib>

namespace vivace {

void RecordStore::add(std::string_view kind, std::string_view key, std::string_view at, std::string_view body,
                      int32_t most) {
  const DbValue values[] = {std::string(kind), std::string(key), std::string(at), std::string(body)};
  database_.run("INSERT INTO record (kind, key, at, body) VALUES (?, ?, ?, ?)", values);
  const DbValue bounds[] = {std::string(kind), std::string(kind), int64_t{most}};
  database_.run(
      "DELETE FROM record WHERE kind = ? AND id NOT IN (SELECT id FROM record WHERE kind = ? ORDER BY id DESC LIMIT ?)",
      bounds);
}

std::vector<Record> RecordStore::newest(std::string_view kind, std::string_view key, int32_t most) {
  const DbValue values[] = {std::string(kind), std::string(key), std::string(key), int64_t{most}};
  std::vector<Record> records;
  for (auto& row : database_.query("SELECT id, key, at, body FROM record WHERE kind = ? AND (? = '' OR key = ?) "
                                   "ORDER BY id DESC LIMIT ?",
                                   values)) {
    records.push_back(
        {std::strtoll(row[0].c_str(), nullptr, 10), std::move(row[1]), std::move(row[2]), std::move(row[3])});
  }
  return records;
}

std::optional<Record> RecordStore::last(std::string_view kind, std::string_view key) {
  std::vector<Record> records = newest(kind, key, 1);
  if (records.empty()) return std::nullopt;
  return std::move(records[0]);
}

void RecordStore::remove(std::string_view kind, std::string_view key) {
  const DbValue values[] = {std::string(kind), std::string(key)};
  database_.run("DELETE FROM record WHERE kind = ? AND key = ?", values);
}

}  // namespace vivace
