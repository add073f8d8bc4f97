#include "cli/catalog.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "catalog/catalog_data.h"
#include "catalog/hardware_catalog.h"
#include "catalog/model_catalog.h"
#include "catalog/published.h"
#include "catalog/toml_text.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

using Align = TextTable::Align;

const OptionRow kRows[] = {
    {.name = "rows",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "With check: every published figure beside the prediction"},
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON document"},
};

std::string percent(double share) { return fixed_text(100 * share, 1) + " %"; }

Json hardware_rows() {
  Json rows = Json::array();
  for (const HardwareRow& row : hardware_catalog().devices) {
    rows.push_back({{"name", catalog_key(row.name)},
                    {"title", row.name},
                    {"backend", row.backend},
                    {"memory_bytes", row.memory_bytes},
                    {"bytes_per_second", row.bytes_per_second},
                    {"macs_per_second", row.macs_per_second > 0 ? Json(row.macs_per_second) : Json()},
                    {"unified_memory", row.unified},
                    {"note", row.note}});
  }
  return rows;
}

std::string hardware_table() {
  TextTable table({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.add({"name", "backend", "memory", "bandwidth", "multiply-adds"});
  for (const HardwareRow& row : hardware_catalog().devices) {
    table.add({catalog_key(row.name), row.backend, bytes_text(uint64_t(row.memory_bytes)),
               fixed_text(row.bytes_per_second / 1e9, 0) + " GB/s",
               row.macs_per_second > 0 ? fixed_text(row.macs_per_second / 1e12, 1) + " T/s" : "unknown"});
  }
  return table.text();
}

Json model_rows() {
  Json rows = Json::array();
  for (const ModelShape& shape : model_shapes()) {
    const ModelCard card = shape_card(shape, "Q4_K_M");
    rows.push_back({{"name", shape.name},
                    {"architecture", shape.architecture},
                    {"parameters", card.parameters()},
                    {"layers", shape.layers},
                    {"context_length", shape.context_length},
                    {"q4_k_m_bytes", card.weight_bytes()},
                    {"runnable", card.not_runnable.empty()}});
  }
  return rows;
}

std::string model_table() {
  TextTable table(
      {Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"name", "architecture", "parameters", "layers", "context", "Q4_K_M", ""});
  for (const ModelShape& shape : model_shapes()) {
    const ModelCard card = shape_card(shape, "Q4_K_M");
    table.add({shape.name, shape.architecture, count_text(uint64_t(card.parameters())), std::to_string(shape.layers),
               std::to_string(shape.context_length), bytes_text(card.weight_bytes()),
               card.not_runnable.empty() ? "" : "planned only"});
  }
  return table.text();
}

PublishedCheck run_check(std::vector<PublishedRow>& rows) {
  rows = read_published(published_text(), "catalog/published.csv");
  return check_published(hardware_catalog(), rows);
}

size_t count_of(const PublishedCheck& check, PublishedUse use, bool decode, const std::string& backend) {
  return size_t(std::count_if(check.results.begin(), check.results.end(), [&](const PublishedResult& result) {
    return result.use == use && result.decode == decode && result.reason.empty() && result.row->backend == backend;
  }));
}

std::set<std::string> backends_of(const PublishedCheck& check) {
  std::set<std::string> names;
  for (const PublishedResult& result : check.results) {
    if (result.use != PublishedUse::kUnused) names.insert(result.row->backend);
  }
  return names;
}

constexpr PublishedUse kUses[] = {PublishedUse::kCalibration, PublishedUse::kHeldOut, PublishedUse::kValidation};

Json check_json(const PublishedCheck& check) {
  Json fits = Json::array(), errors = Json::array(), rows = Json::array();
  for (const BackendFit& fit : check.fits) {
    fits.push_back({{"backend", fit.backend},
                    {"rows", fit.rows},
                    {"decode_share", fit.decode_share},
                    {"layer_seconds", fit.layer_seconds}});
  }
  for (const std::string& backend : backends_of(check)) {
    for (bool decode : {true, false}) {
      for (PublishedUse use : kUses) {
        const size_t count = count_of(check, use, decode, backend);
        if (count == 0) continue;
        errors.push_back({{"backend", backend},
                          {"test", decode ? "decode" : "prefill"},
                          {"rows_are", published_use_name(use)},
                          {"rows", count},
                          {"median_error", median_error(check.results, use, decode, backend)}});
      }
    }
  }
  for (const PublishedResult& result : check.results) {
    const PublishedRow& row = *result.row;
    rows.push_back({{"device", row.device},
                    {"backend", row.backend},
                    {"engine", row.engine},
                    {"model", row.model},
                    {"quant", row.quant},
                    {"test", row.test},
                    {"published", row.value},
                    {"predicted", result.predicted > 0 ? Json(result.predicted) : Json()},
                    {"rows_are", published_use_name(result.use)},
                    {"reason", result.reason}});
  }
  return {{"fits", fits},
          {"errors", errors},
          {"median_decode_error",
           {{"held_out_devices", median_error(check.results, PublishedUse::kHeldOut, true, "")},
            {"other_models", median_error(check.results, PublishedUse::kValidation, true, "")}}},
          {"rows", rows}};
}

std::string errors_table(const PublishedCheck& check) {
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight});
  table.add({"backend", "test", "figures of", "rows", "median error"});
  for (const std::string& backend : backends_of(check)) {
    for (bool decode : {true, false}) {
      for (PublishedUse use : kUses) {
        const size_t count = count_of(check, use, decode, backend);
        if (count == 0) continue;
        table.add({backend, decode ? "decode" : "prefill", published_use_name(use), std::to_string(count),
                   percent(median_error(check.results, use, decode, backend))});
      }
    }
  }
  return table.text();
}

std::string fits_table(const PublishedCheck& check) {
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.add({"fitted on 7B Q4_0", "rows", "of the bandwidth", "a layer's own time"});
  for (const BackendFit& fit : check.fits) {
    table.add({fit.backend, std::to_string(fit.rows), percent(fit.decode_share),
               fixed_text(fit.layer_seconds * 1e6, 1) + " us"});
  }
  return table.text();
}

std::string unused_table(const PublishedCheck& check) {
  std::map<std::string, int> reasons;
  for (const PublishedResult& result : check.results) {
    if (!result.reason.empty()) ++reasons[result.reason];
  }
  TextTable table({Align::kRight, Align::kLeft});
  for (const auto& [reason, count] : reasons) table.add({std::to_string(count), reason});
  return table.text();
}

std::string rows_table(const PublishedCheck& check) {
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"device", "model", "quant", "test", "published", "predicted", ""});
  for (const PublishedResult& result : check.results) {
    const PublishedRow& row = *result.row;
    table.add({row.device, row.model, row.quant, row.test, fixed_text(row.value, 1),
               result.predicted > 0 ? fixed_text(result.predicted, 1) : "",
               result.reason.empty() ? published_use_name(result.use) : result.reason});
  }
  return table.text();
}

std::string check_text(const PublishedCheck& check, bool rows) {
  std::string text = fits_table(check) + "\n" + errors_table(check);
  text += "\nmedian error of single-stream decode: " +
          percent(median_error(check.results, PublishedUse::kHeldOut, true, "")) +
          " on devices that the fit did not see, " +
          percent(median_error(check.results, PublishedUse::kValidation, true, "")) + " on other models\n";
  text += "\nFigures that are not compared, or that can't be right:\n" + unused_table(check);
  return rows ? text + "\n" + rows_table(check) : text;
}

int run_catalog(const Arguments& arguments, Context& context) {
  const std::string what = *arguments.positional("WHAT");
  const bool json = arguments.flag("json");
  const auto print = [&](const Json& document, const std::string& text) {
    context.console.out(json ? dump_json(document, 2) + "\n" : text);
  };
  if (what == "hardware") {
    print(hardware_rows(), hardware_table());
  } else if (what == "models") {
    print(model_rows(), model_table());
  } else if (what == "check") {
    std::vector<PublishedRow> rows;
    const PublishedCheck check = run_check(rows);
    print(check_json(check), check_text(check, arguments.flag("rows")));
  } else {
    throw Error(ErrorCode::kInvalidArgument, "vivace catalog can't show '" + what + "'",
                "it shows hardware, models or check");
  }
  return kExitOk;
}

}  // namespace

CommandRow catalog_command_row() {
  return {.name = "catalog",
          .group = "Machine",
          .summary = "List the hardware and models one can plan for without having them, and check the predictions",
          .description =
              "WHAT is hardware, models or check. check predicts every speed that people have published and shows by "
              "how much the predictions are off; the backends' constants are fitted on 7B Q4_0 scoreboards alone, and "
              "a third of the devices is kept from the fit.",
          .positionals = {{"WHAT", true, "hardware, models or check"}},
          .options = {kRows},
          .examples = {{"catalog hardware", "names for vivace plan --hardware"},
                       {"catalog models", "names for vivace plan"},
                       {"catalog check --rows", "published figures beside predictions"}},
          .run = run_catalog};
}

}  // namespace vivace
