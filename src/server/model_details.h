// What lists of models say about each: read from the file's header once, then remembered.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "server/model_folders.h"

namespace vivace {

struct ModelDetail {
  bool readable = false;
  std::string architecture, name, quantisation;  // "Q4_K_M"
  int64_t parameters = 0;
  double bits_per_weight = 0;
  int32_t context_length = 0;
  int32_t embedding = 0;
  std::string chat_template;
  bool tools = false, reasoning = false;
  int64_t modified = 0;  // of the file, seconds since 1970
};

/// Thread-safe.
class ModelDetails {
 public:
  /// Of a file that can't be read only `modified`.
  ModelDetail of(const ModelEntry& entry);

 private:
  std::mutex mutex_;
  std::map<std::string, ModelDetail> known_;  // by path, size and time
};

/// "1.2B", "135M".
std::string parameters_text(int64_t parameters);

}  // namespace vivace
