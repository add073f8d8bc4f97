#include "tune/kernel_rig.h"

#include <algorithm>
#include <chrono>

namespace vivace {
namespace {

// As f16 0.065, as bf16 and f32 2e-12, as a power of two 1e-25: nothing that would slow arithmetic down.
constexpr uint8_t kHarmless = 0x2C;

StepLimits limits() {
  StepLimits limits;
  limits.tokens = KernelRig::kMostTokens;
  limits.outputs = 1;
  limits.pages = KernelRig::kMostPositions / kPageTokens;
  return limits;
}

}  // namespace

KernelRig::KernelRig(Device& device) : device_(device), inputs_(limits()), stream_(device.create_stream(inputs_)) {
  inputs_.sequences() = 1;
  inputs_.sequence_begin()[0] = 0;
  for (int32_t page = 0; page < inputs_.limits().pages; ++page) inputs_.page_table(0, 0)[page] = page;
  set_step(1);
}

void KernelRig::set_step(int32_t tokens, int32_t depth) {
  inputs_.tokens() = tokens;
  inputs_.sequence_tokens()[0] = tokens;
  inputs_.outputs() = 0;
  for (int32_t t = 0; t < tokens; ++t) {
    inputs_.positions()[t] = depth + t;
    inputs_.token_sequence()[t] = 0;
  }
}

Buffer& KernelRig::buffer(size_t bytes, BufferUse use) {
  buffers_.push_back(device_.allocate(bytes, use));
  Buffer& buffer = *buffers_.back();
  if (uint8_t* data = buffer.host_data()) {
    std::fill_n(data, bytes, kHarmless);
    return buffer;
  }
  const std::vector<uint8_t> part(std::min<size_t>(bytes, size_t{1} << 20), kHarmless);
  for (size_t at = 0; at < bytes; at += part.size()) {
    buffer.write(at, std::span(part).first(std::min(part.size(), bytes - at)));
  }
  return buffer;
}

double KernelRig::first_seconds(const std::function<void(Ops& ops)>& calls) {
  using Clock = std::chrono::steady_clock;
  stream_->begin(++key_);
  calls(*stream_);
  const Clock::time_point start = Clock::now();
  stream_->sync();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double KernelRig::median_seconds(const std::function<void(Ops& ops)>& calls, double seconds, int most) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  ++key_;
  double spent = 0;
  for (int run = 0; run <= most && (run < 3 || spent < seconds); ++run) {
    const Clock::time_point start = Clock::now();
    if (!stream_->begin(key_)) calls(*stream_);
    stream_->sync();
    const double time = std::chrono::duration<double>(Clock::now() - start).count();
    spent += time;
    if (run > 0) times.push_back(time);
  }
  std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace vivace
