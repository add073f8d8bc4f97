// The table of panels, and what packs, unpacks and reads weights through it.
#include "quant/layout.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "base/error.h"
#include "quant/pack.h"
#include "quant/panels.h"

namespace vivace {
namespace {

/// Takes one lane out of a panel block, in panel order.
template <class Panel>
void take_lane(const uint8_t* block, size_t lane, uint8_t* piece) {
  for (const PanelField& field : Panel::kFields) {
    for (size_t i = 0; i < field.count; ++i) {
      std::memcpy(piece + field.offset + i * field.width, block + (i * kPanelRows + lane) * field.width, field.width);
    }
    block += kPanelRows * field.width * field.count;
  }
}

template <class Panel>
void unpack_lane(const uint8_t* panel, size_t row_size, size_t lane, uint8_t* row_data) {
  uint8_t piece[Panel::kBytes];
  for (size_t at = 0; at < row_size; at += Panel::kBytes, panel += kPanelRows * Panel::kBytes) {
    take_lane<Panel>(panel, lane, piece);
    if constexpr (Panel::kArranged) {
      Panel::restore(piece, row_data + at);
    } else {
      std::memcpy(row_data + at, piece, std::min(Panel::kBytes, row_size - at));
    }
  }
}

template <class Panel>
constexpr bool covers_block() {
  size_t end = 0;
  for (const PanelField& field : Panel::kFields) {
    if (field.offset != end) return false;
    end += static_cast<size_t>(field.width) * field.count;
  }
  return end == Panel::kBytes;
}

struct PanelRow {
  Format format;
  size_t columns;  // of a panel block
  size_t bytes;    // of one row's piece of it
  std::span<const PanelField> fields;
  void (*pack)(const uint8_t* rows_data, size_t rows, size_t row_size, uint8_t* panel);
  void (*unpack)(const uint8_t* panel, size_t row_size, size_t lane, uint8_t* row_data);
};

template <class Panel>
constexpr PanelRow make_row() {
  static_assert(covers_block<Panel>(), "the fields must tile the block");
  return {Panel::kFormat,     Panel::kColumns, Panel::kBytes, Panel::kFields, &panel_pack::pack_rows<Panel>,
          &unpack_lane<Panel>};
}

constexpr PanelRow kPanels[] = {
    make_row<PanelF32>(),  make_row<PanelF16>(),    make_row<PanelBF16>(),   make_row<PanelQ4_0>(),
    make_row<PanelQ4_1>(), make_row<PanelQ5_0>(),   make_row<PanelQ5_1>(),   make_row<PanelQ8_0>(),
    make_row<PanelQ2_K>(), make_row<PanelQ3_K>(),   make_row<PanelQ4_K>(),   make_row<PanelQ5_K>(),
    make_row<PanelQ6_K>(), make_row<PanelIQ4_NL>(), make_row<PanelIQ4_XS>(), make_row<PanelMXFP4>(),
};

const PanelRow* find_panel(Format format) {
  const PanelRow* row = std::find_if(std::begin(kPanels), std::end(kPanels),
                                     [&](const PanelRow& candidate) { return candidate.format == format; });
  return row != std::end(kPanels) ? row : nullptr;
}

const PanelRow& panel_of(Format format) {
  const PanelRow* row = find_panel(format);
  if (row == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string("The weight format ") + format_row(format).name + " has no panel layout.");
  }
  return *row;
}

size_t multiply(size_t a, size_t b) {
  size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    throw Error(ErrorCode::kInvalidArgument, "A weight is larger than the address space.");
  }
  return product;
}

size_t round_up(size_t value, size_t unit) {
  const size_t units = value / unit + (value % unit != 0 ? 1 : 0);
  return multiply(units, unit);
}

}  // namespace

bool has_panel16(Format format) { return find_panel(format) != nullptr; }

size_t panel_block_columns(Format format) { return panel_of(format).columns; }

std::span<const PanelField> panel_fields(Format format) {
  const PanelRow* row = find_panel(format);
  return row != nullptr ? row->fields : std::span<const PanelField>();
}

size_t weight_bytes(const FormatRow& row, Layout layout, size_t rows, size_t columns) {
  if (columns % row.block_columns != 0) {
    throw Error(ErrorCode::kInvalidArgument, "A row of " + std::to_string(columns) + " columns is no whole number of " +
                                                 row.name + " blocks of " + std::to_string(row.block_columns) + ".");
  }
  if (layout == Layout::kRows) return multiply(rows, multiply(columns / row.block_columns, row.block_bytes));
  const PanelRow& panel = panel_of(row.format);
  const size_t padded_columns = round_up(columns, panel.columns);
  return multiply(round_up(rows, kPanelRows), multiply(padded_columns / panel.columns, panel.bytes));
}

void pack_panel16(const FormatRow& row, const uint8_t* rows_data, size_t rows, size_t columns, uint8_t* panel) {
  if (rows == 0 || rows > kPanelRows) {
    throw Error(ErrorCode::kInvalidArgument, "A panel takes 1 to 16 rows, not " + std::to_string(rows) + ".");
  }
  panel_of(row.format).pack(rows_data, rows, row_bytes(row, columns), panel);
}

void unpack_panel16_row(const FormatRow& row, const uint8_t* panel, size_t columns, size_t lane, uint8_t* row_data) {
  panel_of(row.format).unpack(panel, row_bytes(row, columns), lane, row_data);
}

void decode_weight_row(const FormatRow& format, Layout layout, const uint8_t* weight, size_t row, size_t columns,
                       float* out) {
  if (layout == Layout::kRows) {
    format.decode(weight + row * row_bytes(format, columns), out, columns / format.block_columns);
    return;
  }
  const PanelRow& panel = panel_of(format.format);
  const uint8_t* from = weight + row / kPanelRows * weight_bytes(format, layout, kPanelRows, columns);
  // Through a buffer on the stack, a whole number of panel blocks at a time.
  uint8_t blocks[1024];
  const size_t step = sizeof(blocks) / panel.bytes * panel.columns;
  for (size_t column = 0; column < columns; column += step) {
    const size_t count = std::min(step, columns - column);
    panel.unpack(from, row_bytes(format, count), row % kPanelRows, blocks);
    format.decode(blocks, out + column, count / format.block_columns);
    from += step / panel.columns * panel.bytes * kPanelRows;
  }
}

}  // namespace vivace
