// The program's one database, vivace.db in the data folder: its tables and their versions.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "store/database.h"

namespace vivace {

/// Opens the file or begins it. Throws as Database::open().
Database open_vivace_database(const std::filesystem::path& data_folder,
                              const std::function<void(const std::string& note)>& tell = {});

/// The same, or nothing where there is no file yet: nothing is created.
std::optional<Database> open_existing_vivace_database(const std::filesystem::path& data_folder,
                                                      const std::function<void(const std::string& note)>& tell = {});

}  // namespace vivace
