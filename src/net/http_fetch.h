// GET over HTTP and HTTPS, with redirects and proxies as the environment has them: libcurl behind two functions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "net/http_message.h"

namespace vivace {

struct FetchOptions {
  HttpHeaders headers;
  uint64_t most_bytes = uint64_t{64} << 20;  // of an answer that is kept in memory
};

struct FetchResult {
  int status = 0;
  std::string body;
};

/// The whole answer, whatever its status. Throws Error kIo where there is none.
FetchResult fetch_text(const std::string& url, const FetchOptions& options);

/// Bytes [begin, end) of what is there, handed to `take` as they come, which returns false to stop (Error kCancelled).
/// Throws Error kIo for a connection that fails or stalls, and for a server that does not give this range.
void fetch_range(const std::string& url, uint64_t begin, uint64_t end, const HttpHeaders& headers,
                 const std::function<bool(std::span<const uint8_t>)>& take);

}  // namespace vivace
