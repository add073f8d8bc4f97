// Fetching models that this program knows by name, with their checksums.
#pragma once

#include <filesystem>
#include <string>

#include "cli/command.h"

namespace vivace {

/// Fetches a model into the folder by the script that travels inside the program (fetch_script.h), which needs python3
/// and a network; its progress bar is drawn on standard error and the file's SHA-256 is checked. Keeps a file that is
/// there and right. Returns the file. Throws Error kNotFound, kIo, kCancelled.
std::filesystem::path fetch_model(const std::string& name, const std::filesystem::path& folder, Context& context);

/// The same for kDefaultModel, which the user named and which is not there.
std::filesystem::path fetch_default_model(const std::filesystem::path& folder, Context& context);

}  // namespace vivace
