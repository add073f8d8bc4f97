#include "server/model_details.h"

#include <chrono>

#include "base/number_text.h"
#include "models/model_card.h"
#include "models/model_file.h"

namespace vivace {
namespace {

int64_t modified_seconds(const std::filesystem::path& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count();
}

ModelDetail read_detail(const ModelEntry& entry) {
  ModelDetail detail;
  const GgufFile file = open_model_file(entry.path);
  const ModelCard card = read_model_card(file);
  detail.readable = true;
  detail.architecture = card.architecture;
  detail.name = card.name;
  detail.quantisation = card.file_type;
  detail.parameters = card.parameters();
  if (detail.parameters > 0) detail.bits_per_weight = 8.0 * double(card.weight_bytes()) / double(detail.parameters);
  detail.context_length = card.context_length;
  detail.embedding = card.embedding;
  detail.chat_template = file.metadata().find_string("tokenizer.chat_template").value_or("");
  detail.tools = detail.chat_template.find("tools") != std::string::npos;
  detail.reasoning = detail.chat_template.find("enable_thinking") != std::string::npos ||
                     detail.chat_template.find("reasoning_effort") != std::string::npos;
  return detail;
}

}  // namespace

ModelDetail ModelDetails::of(const ModelEntry& entry) {
  const int64_t modified = modified_seconds(entry.path);
  const std::string key = entry.path.string() + "|" + std::to_string(entry.bytes) + "|" + std::to_string(modified);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
  }
  ModelDetail detail;
  try {
    detail = read_detail(entry);
  } catch (const std::exception&) {  // a file that is being written, or none of ours
  }
  detail.modified = modified;
  const std::lock_guard lock(mutex_);
  known_[key] = detail;
  return detail;
}

std::string parameters_text(int64_t parameters) {
  if (parameters <= 0) return "";
  if (parameters < 1'000'000'000) return std::to_string((parameters + 500'000) / 1'000'000) + "M";
  std::string text = fixed_text(double(parameters) / 1e9, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text + "B";
}

}  // namespace vivace
