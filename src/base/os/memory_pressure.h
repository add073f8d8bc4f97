// How long programs have waited for memory: the system's pressure stall information (PSI).
#pragma once

#include <filesystem>
#include <optional>

namespace vivace {

/// Seconds, since the start, in which at least one task of this process's control group (version 2; else of the whole
/// machine) waited for memory: for pages to be freed, swapped in or read again. Differences say how short memory is.
/// Nothing where the system does not say. `root` is "/" but in tests.
std::optional<double> memory_stall_seconds(const std::filesystem::path& root = "/");

}  // namespace vivace
