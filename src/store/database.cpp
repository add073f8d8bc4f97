#include "store/database.h"

#include <sqlite3.h>

#include "base/error.h"
#include "base/os/file.h"

namespace vivace {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

constexpr int kBusyMilliseconds = 5000;  // another process may be writing

Error failure(sqlite3* db, const std::string& doing) {
  const int code = sqlite3_errcode(db);
  if (code == SQLITE_NOMEM) return Error(ErrorCode::kOutOfMemory, "not enough memory to use the database");
  return Error(ErrorCode::kIo, "the database refused to " + doing + ": " + sqlite3_errmsg(db),
               code == SQLITE_FULL ? "the disk is full" : "");
}

/// Whether the file itself is bad, so that a new one helps.
bool is_damage(int code) { return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_FORMAT; }

std::filesystem::path name_to_set_aside(const std::filesystem::path& path) {
  for (int i = 1;; ++i) {
    std::filesystem::path name = path;
    name += ".set-aside-" + std::to_string(i);
    std::error_code ignored;
    if (!std::filesystem::exists(name, ignored)) return name;
  }
}

}  // namespace

struct Database::Impl {
  Handle db;

  Statement prepare(std::string_view text, std::span<const DbValue> values) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db.get(), text.data(), int(text.size()), &raw, nullptr) != SQLITE_OK) {
      throw failure(db.get(), "prepare a statement");
    }
    Statement statement(raw);
    for (size_t i = 0; i < values.size(); ++i) bind(statement.get(), int(i) + 1, values[i]);
    return statement;
  }

  void bind(sqlite3_stmt* statement, int index, const DbValue& value) {
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<int64_t>(&value)) {
      code = sqlite3_bind_int64(statement, index, *number);
    } else if (const auto* real = std::get_if<double>(&value)) {
      code = sqlite3_bind_double(statement, index, *real);
    } else {
      const std::string& text = std::get<std::string>(value);
      code = sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    if (code != SQLITE_OK) throw failure(db.get(), "take a value");
  }

  bool step(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) throw failure(db.get(), "run a statement");
    return false;
  }

  void script(const char* statements) {
    if (sqlite3_exec(db.get(), statements, nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw failure(db.get(), "run a script");
    }
  }

  int64_t number(const char* query) {
    const Statement statement = prepare(query, {});
    return step(statement.get()) ? sqlite3_column_int64(statement.get(), 0) : 0;
  }

  bool passes_check() {
    const Statement check = prepare("PRAGMA quick_check(1)", {});
    if (!step(check.get())) return true;
    const auto* verdict = reinterpret_cast<const char*>(sqlite3_column_text(check.get(), 0));
    return verdict != nullptr && std::string_view(verdict) == "ok";
  }

  /// SQLite's check takes a page that could not be read for a damaged one. Throws Error kIo where the file can't be
  /// read.
  bool is_sound(const std::filesystem::path& path) {
    if (passes_check() || passes_check()) return true;
    read_file_to_memory(path);
    return false;
  }

  /// Makes the tables or brings them up to date; one transaction, so that two processes don't both do it.
  void update(const Schema& schema) {
    script("BEGIN IMMEDIATE");
    const int64_t now = number("PRAGMA user_version");
    if (now == 0) {
      script(schema.create);
    } else {
      for (int64_t v = now; v < schema.version; ++v) script(schema.migrations[size_t(v - 1)]);
    }
    script(("PRAGMA user_version = " + std::to_string(schema.version)).c_str());
    script("COMMIT");
  }
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

/// Null, with the problem named, where the file is damaged or newer.
std::unique_ptr<Database::Impl> Database::try_open(const std::filesystem::path& path, const Schema& schema,
                                                   std::string& problem) {
  auto impl = std::make_unique<Impl>();
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.string().c_str(), &raw, flags, nullptr);
  impl->db.reset(raw);
  if (raw == nullptr) throw Error(ErrorCode::kOutOfMemory, "not enough memory to use the database");
  if (code != SQLITE_OK) throw failure(raw, "open '" + path.string() + "'");
  sqlite3_extended_result_codes(raw, 0);
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  try {
    if (!impl->is_sound(path)) problem = "is damaged";
    const int64_t version = impl->number("PRAGMA user_version");
    if (version > schema.version || version < 0) problem = "is of a newer version of Vivace";
    if (!problem.empty()) return nullptr;
    impl->script("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (version != schema.version) impl->update(schema);
  } catch (const Error&) {
    if (!is_damage(sqlite3_errcode(raw))) throw;
    problem = "is damaged or no database";
    return nullptr;
  }
  return impl;
}

Database Database::open(const std::filesystem::path& path, const Schema& schema,
                        const std::function<void(const std::string& note)>& tell) {
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) {
    throw Error(ErrorCode::kIo, "can't make the folder '" + path.parent_path().string() + "': " + failed.message());
  }
  std::string problem;
  if (auto impl = try_open(path, schema, problem)) return Database(std::move(impl));
  const std::filesystem::path aside = name_to_set_aside(path);
  std::filesystem::rename(path, aside, failed);
  if (failed) throw Error(ErrorCode::kIo, "'" + path.string() + "' " + problem + " and can't be renamed");
  for (const char* part : {"-wal", "-shm"}) std::filesystem::remove(path.string() + part, failed);
  if (tell)
    tell("'" + path.string() + "' " + problem + ": it was renamed to '" + aside.string() + "', a new one begins");
  problem.clear();
  auto impl = try_open(path, schema, problem);
  if (!impl) throw Error(ErrorCode::kIo, "'" + path.string() + "' can't be begun anew: it " + problem);
  return Database(std::move(impl));
}

void Database::run(std::string_view statement, std::span<const DbValue> values) {
  const Statement prepared = impl_->prepare(statement, values);
  while (impl_->step(prepared.get())) {
  }
}

std::vector<std::vector<std::string>> Database::query(std::string_view statement, std::span<const DbValue> values) {
  const Statement prepared = impl_->prepare(statement, values);
  std::vector<std::vector<std::string>> rows;
  while (impl_->step(prepared.get())) {
    std::vector<std::string>& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(prepared.get()); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared.get(), i));
      row.emplace_back(text == nullptr ? "" : text, size_t(sqlite3_column_bytes(prepared.get(), i)));
    }
  }
  return rows;
}

}  // namespace vivace
