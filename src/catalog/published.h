// Speeds that people have published, against what the catalogue predicts for the same device, model and test.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/hardware_catalog.h"

namespace vivace {

/// One row of catalog/published.csv.
struct PublishedRow {
  std::string device, backend, engine, model, quant, test, unit, note;
  double context = 0;
  double value = 0;  // of a range its middle
};

/// Reads the table. Throws Error kInvalidFile naming line and column.
std::vector<PublishedRow> read_published(std::string_view text, const std::string& origin);

enum class PublishedUse : uint8_t {
  kCalibration,  // 7B Q4_0 scoreboards: the backends' constants are fitted on these
  kHeldOut,      // the same test on devices that the fit doesn't see
  kValidation,   // other models and quantisations
  kUnused,       // nothing to compare: the reason is given
};

/// A row with what is predicted for it.
struct PublishedResult {
  const PublishedRow* row = nullptr;
  PublishedUse use = PublishedUse::kUnused;
  bool decode = false;   // one stream; else prefill
  std::string reason;    // of an unused row, or why the figure can't be right
  double predicted = 0;  // tokens/s
  double error = 0;      // |predicted / published - 1|
};

/// What the fit of one backend gives.
struct BackendFit {
  std::string backend;
  size_t rows = 0;
  double decode_share = 0;
  double layer_seconds = 0;
};

struct PublishedCheck {
  std::vector<PublishedResult> results;
  std::vector<BackendFit> fits;
};

/// Fits the backends' constants on the calibration rows, puts them into a copy of the catalogue and predicts every row
/// by it.
PublishedCheck check_published(const HardwareCatalog& catalog, std::span<const PublishedRow> rows);

/// Median of the errors of these rows; 0 where there are none.
double median_error(std::span<const PublishedResult> results, PublishedUse use, bool decode, std::string_view backend);

/// "calibration", "held-out device", "other model or quantisation", "not compared".
const char* published_use_name(PublishedUse use);

}  // namespace vivace
