// What happened, kept as JSON texts under a kind and a key: benchmarks, runs, tuned settings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"

namespace vivace {

struct Record {
  int64_t id = 0;
  std::string key;
  std::string at;    // date_text()
  std::string body;  // JSON; as it was written, perhaps by another version
};

class RecordStore {
 public:
  explicit RecordStore(Database database) : database_(std::move(database)) {}

  /// Adds a record and lets the oldest of its kind go beyond `most`. Throws Error kIo, as all here.
  void add(std::string_view kind, std::string_view key, std::string_view at, std::string_view body, int32_t most);
  /// The newest records of a kind first; an empty key: of all keys.
  std::vector<Record> newest(std::string_view kind, std::string_view key, int32_t most);
  std::optional<Record> last(std::string_view kind, std::string_view key = {});
  /// Removes what is of this kind and key.
  void remove(std::string_view kind, std::string_view key);

 private:
  Database database_;
};

}  // namespace vivace
