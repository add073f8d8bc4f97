// The report of a model file as text.
#include "base/json.h"
#include "cli/model_report.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

using Align = TextTable::Align;

std::string number(const Json& value) { return std::to_string(value.get<int64_t>()); }
std::string bytes_of(const Json& value) { return bytes_text(value.get<uint64_t>()); }

// A string as it reads, anything else as JSON.
std::string value_text(const Json& value) {
  if (value.is_string()) return printable_text(value.get_ref<const std::string&>(), 80);
  if (value.is_object() && value.contains("length")) {
    std::string text = value["type"].get<std::string>() + ", " + number(value["length"]) + ": ";
    const Json& first = value["first"];
    for (size_t i = 0; i < first.size(); ++i) text += (i == 0 ? "" : ", ") + printable_text(dump_json(first[i]), 16);
    return printable_text(text, 100) + (text_columns(text) > 100 ? "" : ", …");
  }
  return printable_text(dump_json(value), 100);
}

std::string or_none(const Json& value) {
  return value.is_null() ? "not given" : printable_text(value.get_ref<const std::string&>(), 80);
}

std::string joined(const Json& list) {
  std::string text;
  for (const Json& item : list) text += (text.empty() ? "" : ", ") + item.get<std::string>();
  return text;
}

std::string head(const Json& model) {
  TextTable table({Align::kLeft, Align::kLeft});
  const Json& file = model["file"];
  for (const Json& part : file["parts"]) {
    table.add({"file", part["path"].get<std::string>() + ", " + bytes_of(part["bytes"])});
  }
  table.add({"container", "GGUF version " + number(file["version"])});
  table.add({"name", or_none(model["name"])});
  table.add({"architecture", or_none(model["architecture"])});
  table.add({"quantisation", model["file_type"].get<std::string>()});
  table.add({"parameters", count_text(model["parameters"].get<uint64_t>()) + " in " +
                               std::to_string(model["tensors"].size()) + " tensors, " +
                               bytes_of(file["tensor_bytes"])});
  if (!model["hyperparameters"].is_null()) {
    const Json& card = model["hyperparameters"];
    table.add({"shape", number(card["layers"]) + " layers, width " + number(card["embedding"]) + ", vocabulary " +
                            number(card["vocabulary"]) + (card["tied_output"].get<bool>() ? " (tied)" : "")});
    table.add({"trained for", number(card["context_length"]) + " tokens"});
  }
  table.add({"runs here", model["runnable"].get<bool>() ? "yes" : "no: " + model["problem"].get<std::string>()});
  const Json& tokenizer = model["tokenizer"];
  if (tokenizer.is_null()) {
    table.add({"tokenizer", "none"});
  } else if (tokenizer.contains("problem")) {
    table.add({"tokenizer", tokenizer["problem"].get<std::string>()});
  } else {
    table.add({"tokenizer", printable_text(tokenizer["summary"].get<std::string>(), 400)});
    for (const Json& note : tokenizer["notes"]) table.add({"", note.get<std::string>()});
  }
  const Json& chat = model["chat_template"];
  if (chat.is_null()) {
    table.add({"template", "none"});
  } else {
    const std::string uses = joined(chat["uses"]);
    table.add({"template", number(chat["bytes"]) + " bytes" + (uses.empty() ? "" : "; uses " + uses)});
  }
  return table.text();
}

std::string formats(const Json& model) {
  if (model["formats"].empty()) return "";
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight}, 2);
  table.add({"format", "tensors", "values", "bytes", "bits each"});
  for (const Json& row : model["formats"]) {
    table.add({row["format"].get<std::string>(), number(row["tensors"]), count_text(row["values"].get<uint64_t>()),
               bytes_of(row["bytes"]), fixed_text(row["bits_per_value"].get<double>(), 2)});
  }
  return "\nweight formats\n" + table.text();
}

std::vector<std::string> layer_cells(const Json& row) {
  std::string names;
  for (const auto& [name, bytes] : row["formats"].items()) names += (names.empty() ? "" : ", ") + name;
  std::vector<std::string> cells = {number(row["tensors"]), count_text(row["values"].get<uint64_t>()),
                                    bytes_of(row["bytes"])};
  if (row.contains("heads")) {
    const int64_t window = row["window"].get<int64_t>();
    cells.insert(cells.end(), {number(row["heads"]), number(row["kv_heads"]), number(row["key_dim"]),
                               number(row["feed_forward"]), window == 0 ? "all" : std::to_string(window)});
  } else {
    cells.insert(cells.end(), 5, "-");
  }
  cells.push_back(names);
  return cells;
}

// Neighbours that are alike share a line.
std::string layers(const Json& model) {
  if (model["layers"].empty()) return "";
  std::vector<Align> columns(10, Align::kRight);
  columns[9] = Align::kLeft;
  TextTable table(columns, 2);
  table.add({"layers", "tensors", "values", "bytes", "heads", "KV heads", "head", "FFN", "sees", "formats"});
  const Json& rows = model["layers"];
  for (size_t begin = 0; begin < rows.size();) {
    std::vector<std::string> cells = layer_cells(rows[begin]);
    size_t end = begin + 1;
    while (end < rows.size() && layer_cells(rows[end]) == cells) ++end;
    std::string label = number(rows[begin]["layer"]);
    if (end - begin > 1) label += "-" + number(rows[end - 1]["layer"]);
    cells.insert(cells.begin(), label);
    table.add(std::move(cells));
    begin = end;
  }
  return "\nlayers\n" + table.text();
}

std::string tensor_list(const Json& model) {
  TextTable table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight}, 2);
  for (const Json& row : model["tensors"]) {
    std::string dims;
    for (const Json& dim : row["dims"]) dims += (dims.empty() ? "" : " x ") + std::to_string(dim.get<uint64_t>());
    table.add({printable_text(row["name"].get<std::string>(), 80), row["format"].get<std::string>(), dims,
               bytes_of(row["bytes"])});
  }
  return table.empty() ? "" : "\ntensors (the row length first)\n" + table.text();
}

std::string metadata(const Json& model) {
  TextTable table({Align::kLeft, Align::kLeft}, 2);
  for (const auto& [key, value] : model["metadata"].items()) table.add({printable_text(key, 80), value_text(value)});
  return "\nmetadata\n" + table.text();
}

}  // namespace

std::string model_text(const Json& model, bool tensors) {
  return head(model) + formats(model) + layers(model) + (tensors ? tensor_list(model) : "") + metadata(model);
}

}  // namespace vivace
