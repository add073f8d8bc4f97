#include "cli/inspect.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/model_report.h"
#include "cli/text_format.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "json", .type = OptionType::kBool, .default_text = "false", .help = "Print one JSON object"},
    {.name = "tensors", .type = OptionType::kBool, .default_text = "false", .help = "Also list every tensor"},
    {.name = "tensor",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Look at one tensor instead: its shape and its values"},
    {.name = "out",
     .type = OptionType::kString,
     .default_text = "",
     .help = "With --tensor: file to write its values to, as 32-bit little-endian floats, rows in order"},
};

struct TensorSummary {
  double sum = 0, squares = 0;
  float least = INFINITY, most = -INFINITY;
  uint64_t not_finite = 0;
  std::vector<float> first;
};

void add_values(TensorSummary& summary, std::span<const float> values) {
  constexpr size_t kShown = 8;
  for (float value : values) {
    if (summary.first.size() < kShown) summary.first.push_back(value);
    if (!std::isfinite(value)) {
      ++summary.not_finite;
      continue;
    }
    summary.sum += value;
    summary.squares += double(value) * value;
    summary.least = std::min(summary.least, value);
    summary.most = std::max(summary.most, value);
  }
}

// Decodes the tensor piece by piece, so that its size doesn't matter.
TensorSummary decode_tensor(const GgufFile& file, const TensorInfo& tensor, AtomicFile* out) {
  constexpr uint64_t kBlocks = 4096;
  const FormatRow& format = *find_format(tensor.ggml_type);
  const uint64_t blocks = tensor.bytes / format.block_bytes;
  std::vector<uint8_t> encoded(kBlocks * format.block_bytes);
  std::vector<float> values(kBlocks * format.block_columns);
  TensorSummary summary;
  for (uint64_t begin = 0; begin < blocks; begin += kBlocks) {
    throw_if_interrupted();
    const uint64_t count = std::min(kBlocks, blocks - begin);
    const std::span<uint8_t> piece(encoded.data(), count * format.block_bytes);
    const std::span<float> decoded(values.data(), count * format.block_columns);
    file.read_tensor(tensor, begin * format.block_bytes, piece);
    format.decode(piece.data(), decoded.data(), count);
    add_values(summary, decoded);
    if (out != nullptr) out->append({reinterpret_cast<const uint8_t*>(decoded.data()), decoded.size_bytes()});
  }
  return summary;
}

Json tensor_json(const TensorInfo& tensor, const TensorSummary& summary) {
  const uint64_t finite = tensor.elements() - summary.not_finite;
  const double mean = finite == 0 ? 0 : summary.sum / double(finite);
  const double variance = finite == 0 ? 0 : std::max(0.0, summary.squares / double(finite) - mean * mean);
  return {{"name", tensor.name},
          {"format", find_format(tensor.ggml_type)->name},
          {"dims", tensor.dims},
          {"bytes", tensor.bytes},
          {"values", tensor.elements()},
          {"min", finite == 0 ? Json() : Json(summary.least)},
          {"max", finite == 0 ? Json() : Json(summary.most)},
          {"mean", mean},
          {"deviation", std::sqrt(variance)},
          {"not_finite", summary.not_finite},
          {"first", summary.first}};
}

std::string tensor_text(const Json& tensor) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
  for (const auto& [key, value] : tensor.items()) {
    table.add({key, value.is_string() ? printable_text(value.get<std::string>(), 200) : dump_json(value)});
  }
  return table.text();
}

void inspect_tensor(const GgufFile& file, const std::string& name, const Arguments& arguments, Context& context) {
  const TensorInfo* tensor = file.find_tensor(name);
  if (tensor == nullptr) {
    std::vector<std::string_view> names;
    for (const TensorInfo& other : file.tensors()) names.push_back(other.name);
    const std::string near = nearest_name(name, names);
    throw Error(ErrorCode::kNotFound, "the file has no tensor '" + name + "'",
                near.empty() ? "vivace inspect MODEL --tensors lists them" : "did you mean " + near + "?");
  }
  std::unique_ptr<AtomicFile> out;
  if (const auto path = arguments.text("out")) out = std::make_unique<AtomicFile>(*path);
  const Json summary = tensor_json(*tensor, decode_tensor(file, *tensor, out.get()));
  if (out) out->commit();
  context.console.out(arguments.flag("json") ? dump_json(summary, 2) + "\n" : tensor_text(summary));
}

int run_inspect(const Arguments& arguments, Context& context) {
  const auto tensor = arguments.text("tensor");
  if (arguments.given("out") && !tensor) throw Error(ErrorCode::kInvalidArgument, "--out needs --tensor NAME");
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  const GgufFile file = open_model_file(path, AccessMode::kRead);
  if (tensor) {
    inspect_tensor(file, *tensor, arguments, context);
    return kExitOk;
  }
  const Json model = model_json(file);
  context.console.out(arguments.flag("json") ? dump_json(model, 2) + "\n"
                                             : model_text(model, arguments.flag("tensors")));
  return kExitOk;
}

}  // namespace

CommandRow inspect_command_row() {
  return {.name = "inspect",
          .group = "Models",
          .summary = "Show what is in a model file: layers, weight formats, metadata, tokenizer, template",
          .description =
              "Works for any GGUF file, also without vocabulary or hyperparameters and for architectures that this "
              "build can't run.",
          .positionals = {model_argument()},
          .options = {kRows},
          .examples = {{"inspect ./model.gguf", "the whole report"},
                       {"inspect ./model.gguf --tensor blk.0.attn_q.weight --out q.f32", "one tensor's values"}},
          .run = run_inspect};
}

}  // namespace vivace
