// Between file_common.cpp and the system's own part (file.cpp, file_windows.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <system_error>

namespace vivace {

/// Most bytes of one call: Linux moves at most 2 GiB - 4 KiB, Windows counts in 32 bits.
constexpr size_t kMaxFileTransfer = size_t{1} << 30;

/// Throws kNotFound, kOutOfMemory or kIo: can't <action> '<path>': <the system's words>.
[[noreturn]] void throw_file_error(const char* action, const std::filesystem::path& path, const std::error_code& error);

/// Throws kIo where offsets would not fit the system's signed 64 bits.
void check_file_range(const std::filesystem::path& path, uint64_t offset, size_t bytes);

/// Waits until the names in a folder are on the disk, where the system can be asked to.
void sync_folder(const std::filesystem::path& folder);

}  // namespace vivace
