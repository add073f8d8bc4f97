// A large file from the network: in parts at once, gone on with after a break, checked, and there whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "net/http_message.h"

namespace vivace {

struct DownloadRequest {
  std::string url;
  std::filesystem::path target;  // its folder is made
  uint64_t bytes = 0;
  std::string sha256;  // 64 hexadecimal digits; "": not known
  HttpHeaders headers = {};
  int connections = 4;
  uint64_t part_bytes = uint64_t{8} << 20;
  int attempts = 5;  // of each part, with growing pauses
};

/// Told from time to time on any thread; returning false stops, and what has come stays for the next time.
using DownloadProgress = std::function<bool(uint64_t done, uint64_t total)>;

/// Writes `target`.part and beside it which parts are there; a later call goes on with them. At the end the sum is
/// checked and the file moved to its place. Keeps a target that is there with the right size. Throws Error kIo (also
/// for a wrong sum, which makes the parts go), kCancelled.
void download_file(const DownloadRequest& request, const DownloadProgress& progress);

/// The SHA-256 of a file as hexadecimal digits. Throws Error kIo.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace vivace
