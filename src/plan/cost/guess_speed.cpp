#include "plan/cost/guess_speed.h"

#include <algorithm>

namespace vivace {

DeviceSpeed guess_speed(const DeviceInfo& info, int32_t cores) {
  SpeedFacts facts;
  if (info.kind == DeviceKind::kCpu) {
    // Two channels of DDR5 at most, of which a core alone takes a quarter; two vectors of products a cycle at 3 GHz.
    facts.bytes_per_second = std::min(60e9, 15e9 * cores);
    const double macs_per_cycle = info.isa.starts_with("avx512") ? 64 : info.isa == "scalar" ? 2 : 32;
    facts.macs_per_second = cores * 3e9 * macs_per_cycle;
  } else {
    const bool discrete = info.kind == DeviceKind::kDiscreteGpu;
    facts.bytes_per_second = discrete ? 400e9 : 50e9;
    facts.macs_per_second = discrete ? 30e12 : 1e12;
    facts.step_seconds = 5e-4;
    facts.link = discrete ? 12e9 : 0;
  }
  return speed_of_facts(info.id, facts);
}

}  // namespace vivace
