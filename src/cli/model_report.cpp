#include "cli/model_report.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "chat/text_model.h"
#include "models/file_type.h"
#include "models/model_card.h"
#include "models/model_file.h"

namespace vivace {
namespace {

constexpr uint64_t kArrayShown = 8;

// The shortest decimal that reads back as the float: 1e-05, not 9.99999974…e-06.
double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = value;
  std::from_chars(text, end, result);
  return result;
}

Json scalar_json(const Value& value) {
  if (const auto flag = value.boolean()) return *flag;
  if (const auto number = value.integer<int64_t>()) return *number;
  if (const auto number = value.integer<uint64_t>()) return *number;
  if (const auto number = value.number()) {
    return value.type() == ValueType::kF32 ? shortest(static_cast<float>(*number)) : *number;
  }
  if (const auto text = value.string()) return std::string(*text);
  return nullptr;
}

Json value_json(const Value& value, int depth = 0) {
  if (!value.is_array()) return scalar_json(value);
  Json first = Json::array();
  for (const Value& element : value.elements()) {
    if (first.size() == kArrayShown || depth > 3) break;
    first.push_back(value_json(element, depth + 1));
  }
  if (value.size() <= kArrayShown) return first;
  return {{"type", value.type_text()}, {"length", value.size()}, {"first", first}};
}

std::string format_name(uint32_t type) {
  const FormatRow* row = find_format(type);
  return row == nullptr ? "type " + std::to_string(type) : row->name;
}

// The N of blk.N.…, or -1.
int64_t layer_of(const std::string& name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  int64_t layer = -1;
  const char* begin = name.data() + kPrefix.size();
  const auto [stop, error] = std::from_chars(begin, name.data() + name.size(), layer);
  return error == std::errc() && stop != name.data() + name.size() && *stop == '.' ? layer : -1;
}

struct FormatTotals {
  uint64_t tensors = 0, values = 0, bytes = 0;
};

Json formats_json(const GgufFile& file) {
  std::map<uint32_t, FormatTotals> totals;
  for (const TensorInfo& tensor : file.tensors()) {
    FormatTotals& total = totals[tensor.ggml_type];
    ++total.tensors;
    total.values += tensor.elements();
    total.bytes += tensor.bytes;
  }
  Json formats = Json::array();
  for (const auto& [type, total] : totals) {
    formats.push_back({{"format", format_name(type)},
                       {"tensors", total.tensors},
                       {"values", total.values},
                       {"bytes", total.bytes},
                       {"bits_per_value", total.values == 0 ? 0 : 8.0 * double(total.bytes) / double(total.values)}});
  }
  return formats;
}

Json layers_json(const GgufFile& file, const ModelCard* card) {
  struct Layer {
    FormatTotals total;
    std::map<std::string, uint64_t> formats;  // bytes
  };
  std::map<int64_t, Layer> layers;
  for (const TensorInfo& tensor : file.tensors()) {
    const int64_t number = layer_of(tensor.name);
    if (number < 0) continue;
    Layer& layer = layers[number];
    ++layer.total.tensors;
    layer.total.values += tensor.elements();
    layer.total.bytes += tensor.bytes;
    layer.formats[format_name(tensor.ggml_type)] += tensor.bytes;
  }
  Json result = Json::array();
  for (const auto& [number, layer] : layers) {
    Json formats = Json::object();
    for (const auto& [name, bytes] : layer.formats) formats[name] = bytes;
    Json entry = {{"layer", number},
                  {"tensors", layer.total.tensors},
                  {"values", layer.total.values},
                  {"bytes", layer.total.bytes},
                  {"formats", formats}};
    if (card != nullptr && number < static_cast<int64_t>(card->layers.size())) {
      const LayerCard& row = card->layers[static_cast<size_t>(number)];
      entry["heads"] = row.heads;
      entry["kv_heads"] = row.kv_heads;
      entry["key_dim"] = row.key_dim;
      entry["value_dim"] = row.value_dim;
      entry["feed_forward"] = row.feed_forward;
      entry["window"] = row.window;
      entry["rope"] = row.rope >= 0;
    }
    result.push_back(std::move(entry));
  }
  return result;
}

Json tensors_json(const GgufFile& file) {
  Json tensors = Json::array();
  for (const TensorInfo& tensor : file.tensors()) {
    tensors.push_back({{"name", tensor.name},
                       {"format", format_name(tensor.ggml_type)},
                       {"dims", tensor.dims},
                       {"bytes", tensor.bytes},
                       {"offset", tensor.offset},
                       {"file", tensor.file_index}});
  }
  return tensors;
}

Json token_json(const Tokenizer& tokenizer, int32_t id) {
  if (id < 0) return nullptr;
  return {{"id", id}, {"text", std::string(tokenizer.token_text(id))}};
}

Json tokenizer_json(const GgufFile& file) {
  if (!file.metadata().contains("tokenizer.ggml.model")) return nullptr;
  try {
    const std::unique_ptr<Tokenizer> tokenizer = open_tokenizer(file);
    Json ends = Json::array();
    for (int32_t id : tokenizer->end_of_generation()) ends.push_back(token_json(*tokenizer, id));
    return {{"kind", std::string(tokenizer->kind())},
            {"pre_split", std::string(tokenizer->pre_split())},
            {"tokens", tokenizer->size()},
            {"summary", tokenizer->summary()},
            {"bos", token_json(*tokenizer, tokenizer->bos())},
            {"eos", token_json(*tokenizer, tokenizer->eos())},
            {"unknown", token_json(*tokenizer, tokenizer->unknown())},
            {"padding", token_json(*tokenizer, tokenizer->padding())},
            {"adds_bos", tokenizer->adds_bos()},
            {"adds_eos", tokenizer->adds_eos()},
            {"end_of_generation", ends},
            {"notes", tokenizer->notes()}};
  } catch (const Error& error) {
    return {{"problem", error.what()}};
  }
}

Json template_json(const GgufFile& file) {
  const Value* value = file.metadata().find("tokenizer.chat_template");
  if (value == nullptr || !value->string()) return nullptr;
  const std::string source(*value->string());
  Json uses = Json::array();
  for (const char* word : {"tools", "add_generation_prompt", "raise_exception", "strftime_now", "enable_thinking"}) {
    if (source.find(word) != std::string::npos) uses.push_back(word);
  }
  return {{"bytes", source.size()}, {"uses", uses}, {"source", source}};
}

Json hyperparameters_json(const ModelCard& card) {
  Json ropes = Json::array();
  for (const RopeCard& rope : card.ropes) {
    static constexpr const char* kScaling[] = {"none", "linear", "yarn", "longrope"};
    ropes.push_back({{"base", rope.base},
                     {"dimensions", rope.rotary_dim},
                     {"scaling", kScaling[static_cast<size_t>(rope.scaling)]},
                     {"factor", rope.factor},
                     {"factor_tensor", rope.uses_factor_tensor}});
  }
  return {{"context_length", card.context_length}, {"embedding", card.embedding},     {"vocabulary", card.vocabulary},
          {"layers", card.layers.size()},          {"tied_output", card.tied_output}, {"ropes", ropes}};
}

Json file_json(const GgufFile& file) {
  Json parts = Json::array();
  for (const GgufPart& part : file.files()) {
    parts.push_back({{"path", part.path.string()},
                     {"bytes", part.bytes},
                     {"header_bytes", part.header_bytes},
                     {"alignment", part.alignment},
                     {"tensors", part.tensor_count}});
  }
  return {{"version", file.version()},
          {"bytes", file.file_bytes()},
          {"tensor_bytes", file.tensor_bytes()},
          {"parts", parts}};
}

Json text_or_null(const Metadata& metadata, const char* key) {
  const Value* value = metadata.find(key);
  return value != nullptr && value->string() ? Json(std::string(*value->string())) : Json();
}

std::optional<uint32_t> file_type_number(const Metadata& metadata) {
  const Value* value = metadata.find("general.file_type");
  return value == nullptr ? std::nullopt : value->integer<uint32_t>();
}

}  // namespace

Json model_json(const GgufFile& file) {
  std::optional<ModelCard> card;
  std::string problem;
  try {
    card = read_model_card(file);
  } catch (const Error& error) {
    problem = error.what();
  }
  uint64_t values = 0;
  for (const TensorInfo& tensor : file.tensors()) values += tensor.elements();
  Json metadata = Json::object();
  for (const MetadataEntry& entry : file.metadata().entries())
    metadata[std::string(entry.key)] = value_json(entry.value);
  return {{"file", file_json(file)},
          {"architecture", text_or_null(file.metadata(), "general.architecture")},
          {"name", text_or_null(file.metadata(), "general.name")},
          {"file_type", file_type_name(file_type_number(file.metadata()))},
          {"parameters", values},
          {"runnable", card.has_value()},
          {"problem", problem.empty() ? Json() : Json(problem)},
          {"hyperparameters", card ? hyperparameters_json(*card) : Json()},
          {"tokenizer", tokenizer_json(file)},
          {"chat_template", template_json(file)},
          {"formats", formats_json(file)},
          {"layers", layers_json(file, card ? &*card : nullptr)},
          {"tensors", tensors_json(file)},
          {"metadata", metadata}};
}

}  // namespace vivace
