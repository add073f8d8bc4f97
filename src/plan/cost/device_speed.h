// How fast a device is, as numbers from which the time of a step follows: measured here, or taken from a catalogue.
// Plain data and arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "quant/formats.h"
#include "quant/layout.h"

namespace vivace {

/// Multiply-adds per second of a matrix product whose weights `tokens` tokens share, all tokens counted.
struct MatmulPoint {
  double tokens = 1;
  double from_memory = 0;  // the weights come from memory: `stream` bytes/s there
  double from_cache = 0;   // they lie in the cores' own caches
  double row_seconds = 0;  // of a row and token, however short the row: what makes narrow matrices slower
};

/// Columns of the matrices that a measured MatmulPoint's rates are of.
constexpr double kMeasuredColumns = 2048;

/// Products with weights of one format.
struct FormatSpeed {
  Format format = Format::kF32;
  Layout layout = Layout::kRows;
  std::vector<MatmulPoint> points;  // ascending in tokens, at least one
};

/// Attention over a KV cache of one format.
struct AttentionSpeed {
  Format format = Format::kF16;
  double decode_bytes = 0;  // bytes of KV cache read per second where that is the limit
  double decode_macs = 0;   // multiply-adds per second of single tokens
  double prefill_macs = 0;  // and of many tokens of one sequence
};

/// What is read over and over: from so many bytes on, so many bytes per second.
struct StreamPoint {
  double bytes = 0;
  double bytes_per_second = 0;
};

struct ThreadPoint {
  int32_t threads = 1;
  double bytes_per_second = 0;  // from memory
  double macs_per_second = 0;   // int8
};

struct DeviceSpeed {
  std::string device;                // DeviceInfo::id
  bool measured = false;             // false: from a catalogue, or a guess by the kind of device
  int32_t threads = 1;               // that the rates are of
  double bytes_per_second = 0;       // from memory, far more than the caches hold
  std::vector<StreamPoint> streams;  // ascending; what is read again and again may come from a cache
  std::vector<FormatSpeed> formats;
  std::vector<AttentionSpeed> attention;
  std::vector<ThreadPoint> thread_points;  // ascending; empty: threads don't matter
  double values_per_second = 0;            // of what lies between the products: norms, rotation, activation functions
  double layer_seconds = 0;                // of each layer of a step, however small
  double step_seconds = 0;                 // of each step
  double head_seconds = 0;                 // of each head, layer and sequence of a step beyond the first sequence
  double link_up = 0, link_down = 0;       // bytes/s to and from the host; 0: no link
};

/// Bytes per second when a step reads `bytes` in all and the next step reads them again.
double stream_rate(const DeviceSpeed& speed, double bytes);

/// Seconds of a product with a matrix, `tokens` at once, in a step that reads `step_bytes` in all. A format that is not
/// in the table costs what the slowest one there does.
double matmul_seconds(const DeviceSpeed& speed, Format format, double rows, double columns, double tokens,
                      double step_bytes);

/// The row of a KV format, or of the first one where it is not there. The table must not be empty.
const AttentionSpeed& attention_of(const DeviceSpeed& speed, Format format);

/// The same device with another number of threads. Threads beyond `cores` add nothing.
DeviceSpeed with_threads(const DeviceSpeed& speed, int32_t threads, int32_t cores);

/// The few facts that a catalogue has.
struct SpeedFacts {
  double bytes_per_second = 0;  // rated
  double macs_per_second = 0;   // of matrix products in f16 or int8, the better one; 0: unknown
  double decode_share = 0.8;    // of bytes_per_second, that decoding reaches
  double prefill_share = 0.5;   // of macs_per_second, that prefill reaches
  double step_seconds = 0;      // of each step, whatever the model
  double layer_seconds = 0;     // of each layer of a step
  double link = 0;              // bytes/s each way; 0: none
};

DeviceSpeed speed_of_facts(std::string device, const SpeedFacts& facts);

}  // namespace vivace
