#include "plan/cost/device_speed.h"

#include <algorithm>
#include <cmath>

namespace vivace {
namespace {

/// y at x between (x0, y0) and (x1, y1), straight in logarithms; all positive.
double between(double x, double x0, double y0, double x1, double y1) {
  if (x1 <= x0) return y1;
  const double t = std::log(x / x0) / std::log(x1 / x0);
  return std::exp(std::log(y0) + t * (std::log(y1) - std::log(y0)));
}

/// Value of `of(point)` at x, where `at(point)` ascends; constant outside.
template <class Points, class At, class Of>
double interpolate(const Points& points, double x, At at, Of of) {
  if (points.empty()) return 0;
  if (x <= at(points.front())) return of(points.front());
  for (size_t i = 1; i < points.size(); ++i) {
    if (x <= at(points[i])) return between(x, at(points[i - 1]), of(points[i - 1]), at(points[i]), of(points[i]));
  }
  return of(points.back());
}

const FormatSpeed* find_speed(const DeviceSpeed& speed, Format format) {
  for (const FormatSpeed& row : speed.formats) {
    if (row.format == format) return &row;
  }
  return nullptr;
}

/// row_seconds at a number of tokens; straight between points, which may be 0.
double row_seconds_of(const FormatSpeed& row, double tokens) {
  const std::vector<MatmulPoint>& points = row.points;
  if (points.empty() || tokens <= points.front().tokens) return points.empty() ? 0 : points.front().row_seconds;
  for (size_t i = 1; i < points.size(); ++i) {
    const MatmulPoint &a = points[i - 1], &b = points[i];
    if (tokens <= b.tokens)
      return a.row_seconds + (b.row_seconds - a.row_seconds) * (tokens - a.tokens) / (b.tokens - a.tokens);
  }
  return points.back().row_seconds;
}

double rate_of(const DeviceSpeed& speed, const FormatSpeed& row, double tokens, double step_bytes) {
  const auto at = [](const MatmulPoint& point) { return point.tokens; };
  const double cache = interpolate(row.points, tokens, at, [](const MatmulPoint& p) { return p.from_cache; });
  const double memory = interpolate(row.points, tokens, at, [](const MatmulPoint& p) { return p.from_memory; });
  // Weights that come from a cache arrive that much faster than from memory, until computing is what takes the time.
  const double faster = std::max(1.0, stream_rate(speed, step_bytes) / speed.bytes_per_second);
  return std::min(std::max(cache, memory), memory * faster);
}

}  // namespace

double stream_rate(const DeviceSpeed& speed, double bytes) {
  if (speed.streams.empty()) return speed.bytes_per_second;
  return interpolate(
      speed.streams, std::max(bytes, 1.0), [](const StreamPoint& p) { return p.bytes; },
      [](const StreamPoint& p) { return p.bytes_per_second; });
}

double matmul_seconds(const DeviceSpeed& speed, Format format, double rows, double columns, double tokens,
                      double step_bytes) {
  const auto seconds_by = [&](const FormatSpeed& row) {
    const double rate = rate_of(speed, row, tokens, step_bytes);
    if (rate <= 0) return 0.0;
    const double each = row_seconds_of(row, tokens);
    return rows * tokens * (columns / rate + each * std::max(0.0, 1 - columns / kMeasuredColumns));
  };
  if (const FormatSpeed* row = find_speed(speed, format)) return seconds_by(*row);
  double slowest = 0;
  for (const FormatSpeed& other : speed.formats) slowest = std::max(slowest, seconds_by(other));
  return slowest;
}

const AttentionSpeed& attention_of(const DeviceSpeed& speed, Format format) {
  for (const AttentionSpeed& row : speed.attention) {
    if (row.format == format) return row;
  }
  return speed.attention.front();
}

DeviceSpeed with_threads(const DeviceSpeed& speed, int32_t threads, int32_t cores) {
  const int32_t useful = std::max(1, std::min(threads, cores));
  if (speed.thread_points.empty() || useful == speed.threads) return speed;
  const auto at = [](const ThreadPoint& point) { return double(point.threads); };
  const auto ratio = [&](auto of) {
    const double now = interpolate(speed.thread_points, useful, at, of);
    const double then = interpolate(speed.thread_points, speed.threads, at, of);
    return then > 0 ? now / then : 1;
  };
  const double stream = ratio([](const ThreadPoint& p) { return p.bytes_per_second; });
  const double compute = ratio([](const ThreadPoint& p) { return p.macs_per_second; });
  DeviceSpeed result = speed;
  result.threads = useful;
  result.bytes_per_second *= stream;
  for (StreamPoint& point : result.streams) point.bytes_per_second *= stream;
  for (FormatSpeed& format : result.formats) {
    for (MatmulPoint& point : format.points) {
      point.from_cache *= compute;
      point.from_memory = std::min(point.from_memory * stream, point.from_cache);
      point.row_seconds /= compute;
    }
  }
  for (AttentionSpeed& row : result.attention) {
    row.decode_bytes *= stream;
    row.decode_macs *= compute;
    row.prefill_macs *= compute;
  }
  result.values_per_second *= compute;
  return result;
}

DeviceSpeed speed_of_facts(std::string device, const SpeedFacts& facts) {
  constexpr double kUnknownMacsPerByte = 30;  // of memory bandwidth: a device whose rate no source gives
  DeviceSpeed speed;
  speed.device = std::move(device);
  speed.bytes_per_second = facts.bytes_per_second;
  const double memory = facts.bytes_per_second * facts.decode_share;
  const double compute =
      (facts.macs_per_second > 0 ? facts.macs_per_second : kUnknownMacsPerByte * facts.bytes_per_second) *
      facts.prefill_share;
  for (const FormatRow& row : formats()) {
    FormatSpeed& format = speed.formats.emplace_back();
    format.format = row.format;
    const double bytes_per_weight = double(row.block_bytes) / row.block_columns;
    for (double tokens : {1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0}) {
      // Small batches don't fill a matrix unit: the rate grows with the tokens up to 64.
      const double rate = compute * std::min(1.0, 0.1 + 0.9 * tokens / 64);
      format.points.push_back({tokens, std::min(memory * tokens / bytes_per_weight, rate), rate});
    }
  }
  for (Format kv : {Format::kF16, Format::kF32, Format::kQ8_0, Format::kQ4_0}) {
    speed.attention.push_back({kv, memory, compute / 2, compute / 2});
  }
  speed.values_per_second = memory / 8;
  speed.step_seconds = facts.step_seconds;
  speed.layer_seconds = facts.layer_seconds;
  speed.link_up = speed.link_down = facts.link;
  return speed;
}

}  // namespace vivace
