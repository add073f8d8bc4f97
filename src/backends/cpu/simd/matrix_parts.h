// How the product of a code and a factor is cut into bytes for a matrix unit.
#pragma once

namespace vivace::VIVACE_ISA {

/// product = part 1 * 2^kPartBits + part 0, where part 0 is not negative.
constexpr int kPartBits = 6, kPartMask = (1 << kPartBits) - 1;

/// Products of this magnitude have parts of a byte each.
constexpr int kMostSplit = 128 << kPartBits;

}  // namespace vivace::VIVACE_ISA
