#include "store/vivace_database.h"

namespace vivace {
namespace {

constexpr const char* kFileName = "vivace.db";

#define VIVACE_RECORD_TABLE                                                                                          \
  "CREATE TABLE record (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, at TEXT NOT NULL, body TEXT " \
  "NOT NULL); CREATE INDEX record_kind_key ON record (kind, key);"

constexpr const char* kCreate =
    "CREATE TABLE device_speed (key TEXT PRIMARY KEY, measured_at TEXT NOT NULL, speed TEXT NOT "
    "NULL);" VIVACE_RECORD_TABLE;

constexpr const char* kMigrations[] = {VIVACE_RECORD_TABLE};

#undef VIVACE_RECORD_TABLE

Schema schema() { return {.version = 2, .create = kCreate, .migrations = kMigrations}; }

}  // namespace

Database open_vivace_database(const std::filesystem::path& data_folder,
                              const std::function<void(const std::string& note)>& tell) {
  return Database::open(data_folder / kFileName, schema(), tell);
}

std::optional<Database> open_existing_vivace_database(const std::filesystem::path& data_folder,
                                                      const std::function<void(const std::string& note)>& tell) {
  std::error_code ignored;
  if (!std::filesystem::exists(data_folder / kFileName, ignored)) return std::nullopt;
  return open_vivace_database(data_folder, tell);
}

}  // namespace vivace
