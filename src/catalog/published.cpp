#include "catalog/published.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "catalog/model_catalog.h"
#include "catalog/toml_text.h"
#include "plan/cost/predict.h"

namespace vivace {
namespace {

/// The fields of one line of CSV; quotes may hold commas.
std::vector<std::string> split_line(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Names of models that stand for a shape of another name.
constexpr std::pair<const char*, const char*> kModelNames[] = {
    {"Llama-8B", "llama-3-8b"},
    {"DeepSeek-R1-Distill-8B", "llama-3.1-8b"},
    {"Llama-70B", "llama-3-70b"},
    {"DeepSeek-R1", "deepseek-v3"},
};
// Quantisations with as many bits as one that is known.
constexpr std::pair<const char*, const char*> kQuantNames[] = {
    {"FP16", "F16"},       {"UD-Q4_K_XL", "Q4_K_M"}, {"Q4_K_R4", "Q4_K_S"},
    {"Q5_K_R4", "Q5_K_S"}, {"Q8_K_R8", "Q8_0"},      {"Q3_K", "Q3_K_M"},
};

const ModelShape* shape_of(const std::string& model) {
  for (const auto& [name, shape] : kModelNames) {
    if (model == name) return find_model_shape(shape);
  }
  return find_model_shape(model);
}

std::string quant_of(const std::string& quant) {
  for (const auto& [name, known] : kQuantNames) {
    if (quant == name) return known;
  }
  return quant;
}

/// "pp4096-ub512": tokens and batch.
struct PrefillTest {
  int32_t tokens = 512, batch = 512;
};

PrefillTest prefill_test(const std::string& test) {
  PrefillTest result;
  std::from_chars(test.data() + 2, test.data() + test.size(), result.tokens);
  if (const size_t ub = test.find("-ub"); ub != std::string::npos) {
    std::from_chars(test.data() + ub + 3, test.data() + test.size(), result.batch);
  }
  return result;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Predicts rows of one catalogue.
class Predictor {
 public:
  explicit Predictor(const HardwareCatalog& catalog) : catalog_(catalog) {}

  PublishedResult predict(const PublishedRow& row) {
    PublishedResult result;
    result.row = &row;
    result.decode = row.test.starts_with("tg");
    result.reason = why_not(row);
    if (!result.reason.empty()) return result;
    const ModelCard* card = card_of(row, result.reason);
    const PaperMachine* machine = card == nullptr ? nullptr : machine_of(row, result.reason);
    if (machine == nullptr) return result;
    if (result.decode && has_idle_cores(row, *machine)) {
      result.reason = "with few threads, to show a kernel and not the machine";
      return result;
    }
    compare(row, *card, *machine, result);
    return result;
  }

 private:
  static std::string why_not(const PublishedRow& row) {
    if (row.unit != "t/s") return "no tokens per second";
    const bool one_stream = row.test == "tg" || row.test == "tg128" || row.test == "tg512" || row.test == "tg1024" ||
                            row.test == "tg-streams1";
    if (!row.test.starts_with("pp") && !one_stream) return "not one stream: " + row.test;
    if (has(row.backend, "+")) return "hybrid: the split of the layers is not stated";
    if (has(row.note, "speculation") && !has(row.note, "no speculation")) return "with speculation";
    if (has(row.note, "shows the kernel")) return "with few threads, to show a kernel and not the machine";
    if (row.engine == "LM Studio") return "a range of hearsay in the document: vivace claims has it";
    return "";
  }

  /// "4 threads; build 4384" of a processor with more cores.
  static bool has_idle_cores(const PublishedRow& row, const PaperMachine& machine) {
    const size_t at = row.note.find(" threads");
    if (at == std::string::npos || machine.has_gpu) return false;
    const size_t begin = row.note.find_last_not_of("0123456789", at - 1);
    int32_t threads = 0;
    const char* const first = row.note.data() + (begin == std::string::npos ? 0 : begin + 1);
    std::from_chars(first, row.note.data() + at, threads);
    return threads > 0 && threads < machine.host.physical_cores;
  }

  const ModelCard* card_of(const PublishedRow& row, std::string& reason) {
    const ModelShape* shape = shape_of(row.model);
    if (shape == nullptr) {
      reason = row.model.empty() ? "the model is not stated" : "the shape of " + row.model + " is not in the catalogue";
      return nullptr;
    }
    const std::string quant = quant_of(row.quant);
    const auto [found, added] = cards_.try_emplace(shape->name + "|" + quant);
    if (added) {
      try {
        found->second = shape_card(*shape, quant);
      } catch (const Error&) {
        found->second = std::nullopt;
      }
    }
    if (!found->second) reason = "no GGUF quantisation: '" + row.quant + "'";
    return found->second ? &*found->second : nullptr;
  }

  const PaperMachine* machine_of(const PublishedRow& row, std::string& reason) {
    const auto [found, added] = machines_.try_emplace(row.device + "|" + row.backend);
    if (added) {
      try {
        HardwareCatalog catalog = catalog_;  // the row's backend, not the card's usual one
        for (HardwareRow& device : catalog.devices) {
          if (device.backend != "cpu") device.backend = row.backend == "mlx" ? "metal" : row.backend;
        }
        found->second = make_paper_machine(catalog, row.device);
      } catch (const Error&) {
        found->second = std::nullopt;
      }
    }
    if (!found->second) reason = "the catalogue has no device '" + row.device + "'";
    return found->second ? &*found->second : nullptr;
  }

  void compare(const PublishedRow& row, const ModelCard& card, const PaperMachine& machine, PublishedResult& result) {
    const auto last = int32_t(machine.devices.size()) - 1;
    Placement placement;
    for (size_t i = 0; i < card.layers.size(); ++i) {  // of several cards each has its share
      placement.layers.push_back(last == 0 ? 0 : 1 + int32_t(i * size_t(last) / card.layers.size()));
    }
    placement.embedding = placement.layers.front();
    placement.output = placement.layers.back();
    const std::vector<Device*> devices = machine.device_pointers();
    const std::vector<DeviceSpeed> speeds = speeds_of(machine.host, devices, machine.host.physical_cores);
    const StepSetting setting{card, placement, Format::kF16, speeds};
    if (result.decode) {
      result.predicted = predict_decode_rate(setting, 1, int32_t(row.context));
      double ceiling = 0;
      for (const DeviceSpeed& speed : speeds) ceiling = std::max(ceiling, speed.bytes_per_second);
      ceiling /= bytes_per_token(card, Format::kF16, row.context);
      if (row.value > ceiling) result.reason = "above what the memory allows, can't be right";
    } else {
      const PrefillTest test = prefill_test(row.test);
      const double seconds = predict_prefill(setting, test.tokens, int32_t(row.context), test.batch).total();
      result.predicted = test.tokens / seconds;
    }
    result.error = std::abs(result.predicted / row.value - 1);
    result.use = PublishedUse::kValidation;
  }

  const HardwareCatalog& catalog_;
  std::map<std::string, std::optional<ModelCard>> cards_;
  std::map<std::string, std::optional<PaperMachine>> machines_;
};

bool is_scoreboard(const PublishedRow& row) {
  return row.model == "Llama-2-7B" && row.quant == "Q4_0" && row.engine == "llama.cpp" && row.test == "tg128";
}

/// Every third device of a backend, in the order of their names, is kept from the fit.
std::set<std::string> held_out_devices(std::span<const PublishedRow> rows) {
  std::map<std::string, std::set<std::string>> by_backend;
  for (const PublishedRow& row : rows) {
    if (is_scoreboard(row)) by_backend[row.backend].insert(row.device);
  }
  std::set<std::string> held_out;
  for (const auto& [backend, devices] : by_backend) {
    size_t index = 0;
    for (const std::string& device : devices) {
      if (++index % 3 == 0) held_out.insert(backend + "|" + device);
    }
  }
  return held_out;
}

struct FitPoint {
  double ideal = 0;  // seconds of a token at the rated bandwidth
  double seconds = 0;
};

/// The share and the time of a layer with the least sum of errors, each counted up to 30 %: outliers don't rule.
BackendFit fit_backend(const std::string& backend, const std::vector<FitPoint>& points, int32_t layers) {
  constexpr double kMostError = 0.3;
  BackendFit best{backend, points.size(), 0, 0};
  double least = 1e300;
  for (int inverse = 100; inverse <= 260; inverse += 2) {
    for (int step = 0; step < 80; ++step) {
      const double overhead = step * 5e-5;
      double sum = 0;
      for (const FitPoint& point : points) {
        sum += std::min(std::abs((point.ideal * inverse / 100 + overhead) / point.seconds - 1), kMostError);
      }
      if (sum >= least) continue;
      least = sum;
      best.decode_share = 100.0 / inverse;
      best.layer_seconds = overhead / layers;
    }
  }
  return best;
}

std::vector<BackendFit> fit_backends(const HardwareCatalog& catalog, std::span<const PublishedRow> rows,
                                     const std::set<std::string>& held_out) {
  const ModelCard card = shape_card(*find_model_shape("llama-2-7b"), "Q4_0");
  const double bytes = bytes_per_token(card, Format::kF16, 0);
  std::map<std::string, std::vector<FitPoint>> points;
  for (const PublishedRow& row : rows) {
    if (!is_scoreboard(row) || held_out.contains(row.backend + "|" + row.device)) continue;
    const HardwareRow* device = catalog.find(row.device);
    if (device != nullptr) points[row.backend].push_back({bytes / device->bytes_per_second, 1 / row.value});
  }
  std::vector<BackendFit> fits;
  for (const auto& [backend, of_backend] : points) {
    fits.push_back(fit_backend(backend, of_backend, int32_t(card.layers.size())));
  }
  return fits;
}

}  // namespace

std::vector<PublishedRow> read_published(std::string_view text, const std::string& origin) {
  std::vector<PublishedRow> rows;
  std::vector<std::string> columns;
  size_t line_number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string> fields = split_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (columns.empty()) {
      columns = fields;
      continue;
    }
    const auto fail = [&](const std::string& what) {
      return Error(ErrorCode::kInvalidFile, origin + ":" + std::to_string(line_number) + ": " + what);
    };
    const auto field = [&](const char* name) -> const std::string& {
      const auto column = std::find(columns.begin(), columns.end(), name);
      const size_t index = size_t(column - columns.begin());
      if (index >= fields.size()) throw fail(std::string("has no ") + name);
      return fields[index];
    };
    PublishedRow row{field("device"), field("backend"), field("engine"), field("model"),
                     field("quant"),  field("test"),    field("unit"),   field("note")};
    row.context = number_of(field("context")).value_or(0);
    const std::optional<double> value = number_of(field("value"));
    if (!value || *value <= 0) throw fail("value must be a positive number");
    row.value = (*value + number_of(field("value_high")).value_or(*value)) / 2;
    rows.push_back(std::move(row));
  }
  return rows;
}

PublishedCheck check_published(const HardwareCatalog& catalog, std::span<const PublishedRow> rows) {
  PublishedCheck check;
  const std::set<std::string> held_out = held_out_devices(rows);
  check.fits = fit_backends(catalog, rows, held_out);
  HardwareCatalog fitted = catalog;
  for (BackendRow& backend : fitted.backends) {
    for (const BackendFit& fit : check.fits) {
      if (fit.backend != backend.name) continue;
      backend.decode_share = fit.decode_share;
      backend.layer_seconds = fit.layer_seconds;
    }
  }
  Predictor predictor(fitted);
  for (const PublishedRow& row : rows) {
    PublishedResult result = predictor.predict(row);
    if (result.use != PublishedUse::kUnused && is_scoreboard(row)) {
      const bool kept = held_out.contains(row.backend + "|" + row.device);
      result.use = kept ? PublishedUse::kHeldOut : PublishedUse::kCalibration;
    }
    check.results.push_back(std::move(result));
  }
  return check;
}

double median_error(std::span<const PublishedResult> results, PublishedUse use, bool decode, std::string_view backend) {
  std::vector<double> errors;
  for (const PublishedResult& result : results) {
    if (result.use != use || result.decode != decode || !result.reason.empty()) continue;
    if (backend.empty() || result.row->backend == backend) errors.push_back(result.error);
  }
  if (errors.empty()) return 0;
  std::nth_element(errors.begin(), errors.begin() + std::ptrdiff_t(errors.size() / 2), errors.end());
  return errors[errors.size() / 2];
}

const char* published_use_name(PublishedUse use) {
  switch (use) {
    case PublishedUse::kCalibration:
      return "calibration";
    case PublishedUse::kHeldOut:
      return "held-out device";
    case PublishedUse::kValidation:
      return "other model or quantisation";
    case PublishedUse::kUnused:
      return "not compared";
  }
  return "";
}

}  // namespace vivace
