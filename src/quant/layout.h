// How the blocks of a weight lie in memory. `kRows` is the file's order. `kPanel16` interleaves 16 rows so that one
// vector register holds the same columns of 16 rows; it is a bijection of the block bits (rows are padded with zero
// blocks to a multiple of 16), the same on every instruction set, and still serves single rows (decode_weight_row).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/formats.h"

namespace vivace {

enum class Layout : uint8_t { kRows, kPanel16 };

constexpr size_t kPanelRows = 16;

/// True where the format defines a 16-row panel.
bool has_panel16(Format format);

/// Columns of one panel block: block_columns, but 2 for F16 and BF16, so that a lane is always at least 4 bytes. Only
/// for formats with a panel.
size_t panel_block_columns(Format format);

/// Bytes of one panel block: 16 rows of panel_block_columns columns, interleaved. Only for formats with a panel.
inline size_t panel_block_bytes(const FormatRow& row) {
  return kPanelRows * row.block_bytes * (panel_block_columns(row.format) / row.block_columns);
}

/// A piece of a row's block in panel order; in the panel it lies as [count][16 lanes][width bytes], piece after piece.
struct PanelField {
  uint16_t offset;  // within the row's block in panel order
  uint16_t width;   // bytes of a lane
  uint16_t count;
};

/// The pieces of a format's panel block, empty where it has no panel.
std::span<const PanelField> panel_fields(Format format);

/// Bytes of a [rows, columns] weight in a layout, padding included: rows to a multiple of 16, an odd column of F16 or
/// BF16 to a pair. Throws Error(kInvalidArgument) for a partial block, a layout that the format lacks, or a size beyond
/// size_t.
size_t weight_bytes(const FormatRow& row, Layout layout, size_t rows, size_t columns);

/// Interleaves up to 16 consecutive rows (file order, row_bytes apart) into one panel of columns / block_columns panel
/// blocks; missing rows (rows < 16) become zero blocks. The panel lies block column after block column. Throws
/// Error(kInvalidArgument) where the format has no panel or rows is not 1..16.
void pack_panel16(const FormatRow& row, const uint8_t* rows_data, size_t rows, size_t columns, uint8_t* panel);

/// The inverse: writes row `lane` (0..15) of a panel back in the file's order.
void unpack_panel16_row(const FormatRow& row, const uint8_t* panel, size_t columns, size_t lane, uint8_t* row_data);

/// Decodes one row of a weight in any layout to `columns` floats.
void decode_weight_row(const FormatRow& format, Layout layout, const uint8_t* weight, size_t row, size_t columns,
                       float* out);

}  // namespace vivace
