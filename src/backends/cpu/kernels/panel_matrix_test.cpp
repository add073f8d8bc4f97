// The kernels for matrix units, over a unit in plain C++ and the hardware: the bits of the table they stand on.
#define VIVACE_ISA isa_software_scalar
#define VIVACE_EXACT_BLOCKS

#include "backends/cpu/simd/scalar.h"
// The twin of the unit is written over the shim.
#include "backends/cpu/simd/matrix_software.h"
// The shim comes first: the kernels are written over it.
#include "backends/cpu/kernels/panel_matrix.h"
// The rig names no instruction set.
#include "backends/cpu/kernels/matmul_test_rig.h"

namespace vivace {

namespace isa_exact_scalar {
const KernelTable& kernel_table();
}
static const KernelTable& isa_software_scalar::base_table() { return isa_exact_scalar::kernel_table(); }

#if defined(__x86_64__) && !defined(VIVACE_FEW_ISAS)
namespace isa_software_avx512 {
const KernelTable& kernel_table();
}
#endif

namespace {

/// The tables that this machine runs, avx512amx with its own unit.
std::vector<const KernelTable*> matrix_tables() {
  std::vector<const KernelTable*> tables = {&isa_software_scalar::kernel_table()};
#if defined(__x86_64__) && !defined(VIVACE_FEW_ISAS)
  for (const std::string& isa : available_isas()) {
    if (isa == "avx512vnni") tables.push_back(&isa_software_avx512::kernel_table());
    if (isa == "avx512amx") tables.push_back(&kernel_table(isa));
  }
#endif
  return tables;
}

class MatrixKernels : public testing::TestWithParam<int32_t> {
 protected:
  const FormatRow& format(const KernelTable& table) const { return format_row(table.matmuls[GetParam()].format); }
};

TEST_P(MatrixKernels, GiveTheBitsOfTheTableBelow) {
  struct Case {
    int64_t rows, blocks;
    int32_t tokens;
    int64_t chunk;
  };
  constexpr Case kCases[] = {{16, 1, 1, 16},  {33, 3, 16, 48}, {16, 2, 17, 16},  {1, 1, 33, 16},
                             {77, 3, 47, 32}, {33, 5, 32, 48}, {175, 2, 48, 80}, {17, 1, 530, 32}};
  std::mt19937 random(static_cast<uint32_t>(GetParam()));
  for (const KernelTable* table : matrix_tables()) {
    for (const Case& shape : kCases) {
      const FormatRow& row = format(*table);
      const TestWeight weight(row, Layout::kPanel16, shape.rows, shape.blocks * row.block_columns, random);
      const std::vector<float> values = random_activations(shape.tokens, weight.columns, random);
      const std::vector<float> bias = random_activations(1, shape.rows, random);
      const float* added = shape.blocks > 1 ? bias.data() : nullptr;
      const auto below = multiply(*table->base, weight, values, 0, shape.tokens, shape.chunk, added);
      const auto got = multiply(*table, weight, values, 0, shape.tokens, shape.chunk, added);
      ASSERT_EQ(std::memcmp(got.data(), below.data(), got.size() * sizeof(float)), 0)
          << table->base->isa << " " << row.name << " rows " << shape.rows << " columns " << weight.columns
          << " tokens " << shape.tokens;
    }
  }
}

TEST_P(MatrixKernels, ExactBlocksMeanTheSame) {
  std::mt19937 random(7);
  const KernelTable& exact = isa_exact_scalar::kernel_table();
  const FormatRow& row = format(isa_software_scalar::kernel_table());
  const TestWeight weight(row, Layout::kPanel16, 33, 4 * row.block_columns, random);
  const std::vector<float> values = random_activations(3, weight.columns, random);
  const auto usual = multiply(kernel_table("scalar"), weight, values, 0, 3, 48, nullptr);
  const auto got = multiply(exact, weight, values, 0, 3, 48, nullptr);
  float largest = 0;
  for (float value : usual) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < usual.size(); ++i) ASSERT_NEAR(got[i], usual[i], 1e-5f * largest) << row.name << " " << i;
}

INSTANTIATE_TEST_SUITE_P(Formats, MatrixKernels, testing::Range(0, isa_software_scalar::kernel_table().matmul_count),
                         [](const auto& param) {
                           const KernelTable& table = isa_software_scalar::kernel_table();
                           return std::string(format_row(table.matmuls[param.param].format).name);
                         });

TEST(MatrixKernels, EveryInt8FormatHasOne) {
  for (const KernelTable* table : matrix_tables()) {
    for (int32_t i = 0; i < table->base->matmul_count; ++i) {
      const MatmulRow& row = table->base->matmuls[i];
      if (row.layout != Layout::kPanel16 || !(row.prepared_kind & (kInt8Block32 | kInt8Block256))) continue;
      EXPECT_NE(matmul_row(*table, row.format, row.layout).run, row.run) << format_row(row.format).name;
    }
  }
}

}  // namespace
}  // namespace vivace
