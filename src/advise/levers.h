// Levers by the names of their options, as texts set them: those of a loaded model, tuned ones.
#pragma once

#include <optional>
#include <string_view>

#include "plan/plan.h"

namespace vivace {

/// The wish that a lever with a number sets: context-length, batch-size, parallel, threads, threads-prefill. Null for
/// another name.
using NumberWish = std::optional<int32_t> Wishes::*;
NumberWish number_wish(std::string_view lever);

/// A whole number from 1 on; nothing for another text.
std::optional<int32_t> parse_lever_number(std::string_view text);

/// A KV format by its option's name: "f32", "f16", "q8_0", "q4_0"; nothing for another word.
std::optional<Format> kv_format_named(std::string_view name);

/// Sets a lever that tuning turns, these, kv-type and gpu-layers, where the wish is open; true where it did.
bool set_open_lever(std::string_view lever, std::string_view value, Wishes& wishes);

}  // namespace vivace
