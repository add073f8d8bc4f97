#include "cli/live_levers.h"

#include <optional>

#include "advise/levers.h"
#include "advise/plan_json.h"
#include "base/error.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

std::optional<int32_t> number_or_auto(const std::string& name, const std::string& value) {
  if (value == "auto") return std::nullopt;
  if (const auto number = parse_lever_number(value)) return number;
  throw Error(ErrorCode::kInvalidArgument, name + " takes a number or auto, not '" + printable_text(value, 40) + "'");
}

}  // namespace

void set_live_lever(const std::string& name, const std::string& value, Wishes& wishes) {
  if (const NumberWish wish = number_wish(name)) {
    wishes.*wish = number_or_auto(name, value);
    return;
  }
  if (name != "kv-type") {
    throw Error(ErrorCode::kInvalidArgument, "there is no lever '" + printable_text(name, 40) + "'",
                "there are context-length, kv-type, batch-size, parallel, threads and threads-prefill");
  }
  const std::optional<Format> format = kv_format_named(value);
  if (!format && value != "auto") {
    throw Error(ErrorCode::kInvalidArgument,
                "kv-type takes auto, f32, f16, q8_0 or q4_0, not '" + printable_text(value, 40) + "'");
  }
  wishes.kv_format = format;
}

std::string live_levers_text(const Plan& plan) {
  TextTable table({TextTable::Align::kLeft, TextTable::Align::kRight});
  table.add({"context-length", std::to_string(plan.context_length)});
  table.add({"kv-type", kv_type_name(plan.kv_format)});
  table.add({"batch-size", std::to_string(plan.limits.tokens)});
  table.add({"parallel", std::to_string(plan.parallel)});
  table.add({"threads", std::to_string(plan.threads)});
  table.add({"threads-prefill", std::to_string(plan.threads_prefill)});
  return table.text();
}

}  // namespace vivace
