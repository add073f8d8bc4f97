// The sections of the check.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "backends/registry.h"
#include "base/thread_pool.h"
#include "gpu_check/report.h"

namespace vivace::gpu_check {

/// What is checked, and with what.
struct Setup {
  std::string device;                 // "cuda0", "vulkan0"
  std::filesystem::path conformance;  // its folder; sections without their data are skipped
  std::filesystem::path model;        // SmolLM2
  std::filesystem::path bench_model;  // whose speed is measured
  bool thorough = false;              // more splits, more tokens
  DevicePretence pretence;
  ThreadPool* pool = nullptr;

  /// The device, with other memory or faults.
  std::unique_ptr<Device> open(const DevicePretence& pretence) const;
  std::unique_ptr<Device> open() const { return open(pretence); }
};

/// Bandwidth, rates, link and launch.
void check_facts(const Setup& setup, Section& section);
/// Matrix products and embedding rows of every weight format against decoded weights in double.
void check_matmul(const Setup& setup, Section& section);
/// KV writes and attention of every KV format against the reference device.
void check_attention(const Setup& setup, Section& section);
/// Golden logits of the conformance models.
void check_golden(const Setup& setup, Section& section);
/// SmolLM2 at every split against its truth.
void check_splits(const Setup& setup, Section& section);
/// Cards of every size: within the budget, byte for byte as predicted, or refused.
void check_memory(const Setup& setup, Section& section);
/// Each call to the driver fails in turn.
void check_faults(const Setup& setup, Section& section);
/// Prefill and decode of the bench model: alone, deep, many streams; the share of the roof.
void check_speed(const Setup& setup, Section& section);

}  // namespace vivace::gpu_check
