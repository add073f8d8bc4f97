// The C++ side of text-rs: context in as JSON, prompt or Error out.
#include "text/template/chat_template.h"

#include <ctime>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "vivace_text.h"

namespace vivace {
namespace {

vivace_text_bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string local_time() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return "1970-01-01T00:00:00";
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return {text, size};
}

std::string context_of(const Json& messages, const Json& tools, bool add_generation_prompt, const Json& extra,
                       const std::string& bos, const std::string& eos) {
  if (!extra.is_null() && !extra.is_object()) {
    throw Error(ErrorCode::kInvalidArgument, "the template's extra variables are no JSON object");
  }
  Json context = Json::object();
  context["messages"] = messages;
  context["tools"] = tools;
  // transformers passes documents always.
  context["documents"] = nullptr;
  context["add_generation_prompt"] = add_generation_prompt;
  context["bos_token"] = bos;
  context["eos_token"] = eos;
  if (extra.is_object()) {
    for (const auto& [name, value] : extra.items()) context[name] = value;
  }
  return dump_json(context);
}

/// Frees what the Rust side gave.
class Result {
 public:
  explicit Result(vivace_text_result result) : result_(result) {}
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() { vivace_text_result_free(&result_); }

  int kind() const { return result_.kind; }
  std::string text() const { return {reinterpret_cast<const char*>(result_.data), result_.size}; }
  /// "chat template, line 3: message"
  std::string located() const {
    const std::string line = result_.line == 0 ? "" : ", line " + std::to_string(result_.line);
    return "chat template" + line + ": " + text();
  }

 private:
  vivace_text_result result_;
};

[[noreturn]] void throw_failure(const Result& result) {
  switch (result.kind()) {
    case VIVACE_TEXT_RAISE:
      throw Error(ErrorCode::kInvalidArgument, result.text(), "the model's chat template refuses these messages");
    case VIVACE_TEXT_SYNTAX:
      throw Error(ErrorCode::kInvalidFile, result.located(), "give another template");
    case VIVACE_TEXT_MEMORY:
      throw Error(ErrorCode::kOutOfMemory, result.located());
    case VIVACE_TEXT_INTERNAL:
      throw Error(ErrorCode::kInternal, result.located());
    default:
      throw Error(ErrorCode::kInvalidArgument, result.located());
  }
}

}  // namespace

ChatTemplate::ChatTemplate(std::string source, std::string bos, std::string eos, const TemplateLimits& limits)
    : source_(std::move(source)), bos_(std::move(bos)), eos_(std::move(eos)), limits_(limits) {}

std::string ChatTemplate::render(const Json& messages, const Json& tools, bool add_generation_prompt, const Json& extra,
                                 const std::optional<std::string>& now) const {
  if (stopped_.load(std::memory_order_relaxed)) {
    throw Error(ErrorCode::kInvalidArgument, "the chat template was stopped before, for taking too much time or memory",
                "give another template");
  }
  const std::string context = context_of(messages, tools, add_generation_prompt, extra, bos_, eos_);
  const std::string time = now ? *now : local_time();
  vivace_text_limits limits{};
  // Some templates search all earlier messages for each one.
  limits.fuel = limits_.fuel + 32 * context.size();
  limits.output_bytes = limits_.output_bytes;
  limits.milliseconds = limits_.milliseconds;
  limits.memory_bytes = limits_.memory_bytes + 16 * context.size();
  limits.recursion = limits_.recursion;
  const Result result(vivace_text_render(bytes_of(source_), bytes_of(context), bytes_of(time), &limits));
  if (result.kind() == VIVACE_TEXT_OK) return result.text();
  if (result.kind() == VIVACE_TEXT_ABANDONED) stopped_.store(true, std::memory_order_relaxed);
  throw_failure(result);
}

}  // namespace vivace
