// A model in memory: its card, the plan it was loaded by and the weights. Const after loading; shared by engines.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "gguf/gguf.h"
#include "models/model_weights.h"
#include "plan/plan.h"

namespace vivace {

struct LoadedModel {
  std::filesystem::path path;
  ModelCard card;
  Plan plan;
  std::vector<Device*> devices;
  std::vector<std::unique_ptr<Buffer>> buffers;
  ModelWeights weights;
  double load_seconds = 0;
};

/// Called on the loading thread with bytes done and bytes in all; returning false cancels (Error kCancelled).
using LoadProgress = std::function<bool(size_t done, size_t total)>;

/// Loads the weights of an open file where the plan puts them, each in the layout its device prefers, repacked in
/// parallel. Throws Error kOutOfMemory, kIo, kInvalidFile, kCancelled; nothing stays allocated then.
std::unique_ptr<LoadedModel> load_model(const GgufFile& file, ModelCard card, Plan plan,
                                        std::span<Device* const> devices, ThreadPool& pool,
                                        const LoadProgress& progress = {});

}  // namespace vivace
