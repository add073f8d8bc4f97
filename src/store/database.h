// A SQLite database: opened or begun anew, statements with bound values, rows as text. The only file that knows SQLite.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vivace {

/// What a database holds: how to make it, and how to come from older versions.
struct Schema {
  int32_t version = 1;
  const char* create = "";  // statements for an empty database
  /// migrations[i] are the statements from version i + 1 to i + 2.
  std::span<const char* const> migrations = {};
};

using DbValue = std::variant<int64_t, double, std::string>;

/// Used by one thread at a time; several processes may use one file.
class Database {
 public:
  /// Opens the file, with its folder, or begins it. A file that is no database, is damaged or of a newer version is
  /// renamed to "<name>.set-aside-N", the sink is told, and an empty one takes its place. Throws Error kIo where the
  /// system refuses.
  static Database open(const std::filesystem::path& path, const Schema& schema,
                       const std::function<void(const std::string& note)>& tell = {});

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// Runs one statement with values for its question marks. Throws Error kIo.
  void run(std::string_view statement, std::span<const DbValue> values = {});
  /// The rows of a query, each column as text. Throws Error kIo.
  std::vector<std::vector<std::string>> query(std::string_view statement, std::span<const DbValue> values = {});

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  static std::unique_ptr<Impl> try_open(const std::filesystem::path& path, const Schema& schema, std::string& problem);

  std::unique_ptr<Impl> impl_;
};

}  // namespace vivace
