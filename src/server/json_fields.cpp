#include "server/json_fields.h"

#include <algorithm>
#include <cmath>

#include "server/api_error.h"

namespace vivace {

JsonFields::JsonFields(const Json& value, std::string where) : object_(value), where_(std::move(where)) {
  if (object_.is_object()) return;
  throw ApiError(400, (where_.empty() ? std::string("the body") : "'" + where_ + "'") + " must be a JSON object",
                 where_, "invalid_type");
}

std::string JsonFields::path(std::string_view name) const {
  return where_.empty() ? std::string(name) : where_ + "." + std::string(name);
}

void JsonFields::wrong(std::string_view name, const std::string& wanted) const {
  throw ApiError(400, "'" + path(name) + "' must be " + wanted, path(name), "invalid_value");
}

const Json* JsonFields::find(std::string_view name) {
  known_.emplace(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> JsonFields::text(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong(name, "a string");
  return value->get<std::string>();
}

std::string JsonFields::required_text(std::string_view name) {
  auto value = text(name);
  if (!value) throw ApiError(400, "\"" + path(name) + "\" is required", path(name), "missing_required_parameter");
  return *value;
}

std::optional<bool> JsonFields::flag(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong(name, "true or false");
  return value->get<bool>();
}

std::optional<double> JsonFields::number(std::string_view name, double least, double most) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto range = [&] { return "a number from " + Json(least).dump() + " to " + Json(most).dump(); };
  if (!value->is_number()) wrong(name, range());
  const double number = value->get<double>();
  if (!(number >= least && number <= most)) wrong(name, range());
  return number;
}

std::optional<int64_t> JsonFields::integer(std::string_view name, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto range = [&] { return "an integer from " + std::to_string(least) + " to " + std::to_string(most); };
  if (!value->is_number()) wrong(name, range());
  const double number = value->get<double>();  // clients write 16.0, too
  if (!(number >= double(least) && number <= double(most)) || number != std::floor(number)) wrong(name, range());
  return value->is_number_float() ? int64_t(number) : value->get<int64_t>();
}

std::optional<int32_t> JsonFields::whole(std::string_view name, int32_t least, int32_t most) {
  const auto value = integer(name, least, most);
  return value ? std::optional<int32_t>(int32_t(*value)) : std::nullopt;
}

const Json* JsonFields::object(std::string_view name) {
  const Json* value = find(name);
  if (value != nullptr && !value->is_object()) wrong(name, "an object");
  return value;
}

const Json* JsonFields::array(std::string_view name) {
  const Json* value = find(name);
  if (value != nullptr && !value->is_array()) wrong(name, "an array");
  return value;
}

std::vector<std::string> JsonFields::texts(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array()) wrong(name, "a string or an array of strings");
  std::vector<std::string> all;
  for (const Json& item : *value) {
    if (!item.is_string()) wrong(name, "a string or an array of strings");
    all.push_back(item.get<std::string>());
  }
  return all;
}

void JsonFields::refuse_others() const {
  std::string others;
  for (const auto& [name, value] : object_.items()) {
    if (known_.find(name) == known_.end()) others += (others.empty() ? "'" : ", '") + name + "'";
  }
  if (!others.empty()) {
    throw ApiError(400, "Unrecognized key(s) in object: " + others, "", "unrecognized_keys");
  }
}

bool is_token_list(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& id) { return id.is_number_integer(); });
}

Json parse_body(std::string_view body) {
  constexpr int kDeepest = 128;
  if (body.empty()) throw ApiError(400, "the request has no body; it takes a JSON object", "", "invalid_json");
  try {
    return parse_json(body, kDeepest);
  } catch (const Error& error) {
    throw ApiError(400, std::string("the body is no JSON: ") + error.what(), "", "invalid_json");
  }
}

}  // namespace vivace
