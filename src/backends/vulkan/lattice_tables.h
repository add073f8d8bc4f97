// The grids of the IQ formats as shaders read them: shaders/lib/formats/lattice.glsl says where each begins.
#pragma once

#include <array>
#include <cstdint>

#include "quant/formats/iq_grids.h"

namespace vivace::vulkan {

using LatticeTables = std::array<uint16_t, 2048 + 256 + 512 + 1024 + 256 + 512>;

constexpr LatticeTables make_lattice_tables() {
  LatticeTables all{};
  size_t at = 0;
  const auto append = [&](const auto& grid) {
    for (uint16_t point : grid) all[at++] = point;
  };
  append(kIq1Grid);
  append(kIq2XxsGrid);
  append(kIq2XsGrid);
  append(kIq2SGrid);
  append(kIq3XxsGrid);
  append(kIq3SGrid);
  return all;
}

inline constexpr LatticeTables kLatticeTables = make_lattice_tables();

}  // namespace vivace::vulkan
