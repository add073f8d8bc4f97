// The one table of weight formats: a row per header of formats/.
#include "quant/formats.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "quant/formats/bf16.h"
#include "quant/formats/f16.h"
#include "quant/formats/f32.h"
#include "quant/formats/iq1_m.h"
#include "quant/formats/iq1_s.h"
#include "quant/formats/iq2_s.h"
#include "quant/formats/iq2_xs.h"
#include "quant/formats/iq2_xxs.h"
#include "quant/formats/iq3_s.h"
#include "quant/formats/iq3_xxs.h"
#include "quant/formats/iq4_nl.h"
#include "quant/formats/iq4_xs.h"
#include "quant/formats/mxfp4.h"
#include "quant/formats/nvfp4.h"
#include "quant/formats/q1_0.h"
#include "quant/formats/q2_0.h"
#include "quant/formats/q2_k.h"
#include "quant/formats/q3_k.h"
#include "quant/formats/q4_0.h"
#include "quant/formats/q4_1.h"
#include "quant/formats/q4_k.h"
#include "quant/formats/q5_0.h"
#include "quant/formats/q5_1.h"
#include "quant/formats/q5_k.h"
#include "quant/formats/q6_k.h"
#include "quant/formats/q8_0.h"
#include "quant/formats/tq1_0.h"
#include "quant/formats/tq2_0.h"

namespace vivace {
namespace {

template <class F>
void decode_blocks(const uint8_t* data, float* out, size_t blocks) {
  for (size_t i = 0; i < blocks; ++i) {
    typename F::Block block;
    std::memcpy(&block, data + i * sizeof(block), sizeof(block));
    F::decode(block, out + i * F::kColumns);
  }
}

template <class F>
void encode_blocks(const float* values, uint8_t* data, size_t blocks) {
  for (size_t i = 0; i < blocks; ++i) {
    typename F::Block block;
    F::encode(values + i * F::kColumns, block);
    std::memcpy(data + i * sizeof(block), &block, sizeof(block));
  }
}

template <class F>
constexpr FormatRow make_row() {
  FormatRow row{F::kFormat, F::kName, F::kColumns, sizeof(typename F::Block), &decode_blocks<F>, nullptr};
  if constexpr (requires { &F::encode; }) row.encode = &encode_blocks<F>;
  return row;
}

constexpr FormatRow kFormats[] = {
    make_row<FormatF32>(),     make_row<FormatF16>(),    make_row<FormatQ4_0>(),    make_row<FormatQ4_1>(),
    make_row<FormatQ5_0>(),    make_row<FormatQ5_1>(),   make_row<FormatQ8_0>(),    make_row<FormatQ2_K>(),
    make_row<FormatQ3_K>(),    make_row<FormatQ4_K>(),   make_row<FormatQ5_K>(),    make_row<FormatQ6_K>(),
    make_row<FormatIQ2_XXS>(), make_row<FormatIQ2_XS>(), make_row<FormatIQ3_XXS>(), make_row<FormatIQ1_S>(),
    make_row<FormatIQ4_NL>(),  make_row<FormatIQ3_S>(),  make_row<FormatIQ2_S>(),   make_row<FormatIQ4_XS>(),
    make_row<FormatIQ1_M>(),   make_row<FormatBF16>(),   make_row<FormatTQ1_0>(),   make_row<FormatTQ2_0>(),
    make_row<FormatMXFP4>(),   make_row<FormatNVFP4>(),  make_row<FormatQ1_0>(),    make_row<FormatQ2_0>(),
};

constexpr bool by_id(const FormatRow& row, uint32_t id) { return static_cast<uint32_t>(row.format) < id; }

static_assert(std::is_sorted(std::begin(kFormats), std::end(kFormats),
                             [](const FormatRow& a, const FormatRow& b) { return a.format < b.format; }));

}  // namespace

std::span<const FormatRow> formats() { return kFormats; }

const FormatRow* find_format(uint32_t ggml_type) {
  const FormatRow* row = std::lower_bound(std::begin(kFormats), std::end(kFormats), ggml_type, by_id);
  return row != std::end(kFormats) && static_cast<uint32_t>(row->format) == ggml_type ? row : nullptr;
}

const FormatRow* find_format(std::string_view name) {
  const FormatRow* row =
      std::find_if(std::begin(kFormats), std::end(kFormats), [&](const FormatRow& r) { return name == r.name; });
  return row != std::end(kFormats) ? row : nullptr;
}

const FormatRow& format_row(Format format) { return *find_format(static_cast<uint32_t>(format)); }

}  // namespace vivace
