// For tests only: finds the conformance data. Order: the environment variable VIVACE_CONFORMANCE, the folder the build
// was configured with, the folder shared/conformance beside the source tree.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#ifndef VIVACE_CONFORMANCE_DEFAULT
#define VIVACE_CONFORMANCE_DEFAULT ""
#endif
#ifndef VIVACE_SOURCE_DIR
#define VIVACE_SOURCE_DIR ""
#endif

namespace vivace {

/// The folder of the conformance data, or nothing when there is none. A folder that was named explicitly (environment
/// or build) and does not exist is nothing too: no other place is tried then.
inline std::optional<std::filesystem::path> conformance_dir() {
  std::filesystem::path path;
  const char* from_environment = std::getenv("VIVACE_CONFORMANCE");
  if (from_environment != nullptr && *from_environment != '\0') {
    path = from_environment;
  } else if (const std::string from_build = VIVACE_CONFORMANCE_DEFAULT; !from_build.empty()) {
    path = from_build;
  } else if (const std::string source = VIVACE_SOURCE_DIR; !source.empty()) {
    path = source + "/../shared/conformance";
  }
  std::error_code ignored;
  if (path.empty() || !std::filesystem::is_directory(path, ignored)) return std::nullopt;
  return path;
}

/// The same for one entry below it, for example conformance_path("models/llama"); when it is missing prints
/// "did not run: <suite> (no conformance data)" and returns nothing, so that the caller instantiates no test.
inline std::optional<std::filesystem::path> conformance_path(const std::string& entry, const std::string& suite) {
  if (auto dir = conformance_dir()) {
    std::error_code ignored;
    auto path = *dir / entry;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  std::printf("did not run: %s (no conformance data)\n", suite.c_str());
  return std::nullopt;
}

}  // namespace vivace
