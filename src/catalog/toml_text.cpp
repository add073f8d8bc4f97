#include "catalog/toml_text.h"

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/ascii_case.h"
#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

Json json_of(const toml::node& node, int depth) {
  if (depth > kMaxJsonDepth) throw Error(ErrorCode::kInvalidFile, "TOML is nested too deeply");
  if (const auto* table = node.as_table()) {
    Json json = Json::object();
    for (const auto& [key, value] : *table) json[std::string(key.str())] = json_of(value, depth + 1);
    return json;
  }
  if (const auto* array = node.as_array()) {
    Json json = Json::array();
    for (const toml::node& value : *array) json.push_back(json_of(value, depth + 1));
    return json;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  std::ostringstream date;
  date << node.as_date();
  return date.str();
}

}  // namespace

Json parse_toml(std::string_view text, const std::string& origin) {
  try {
    const toml::table table = toml::parse(text, origin);
    return json_of(table, 0);
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kInvalidFile,
                origin + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
}

CatalogRow::CatalogRow(const Json& table, std::string origin) : table_(table), origin_(std::move(origin)) {
  if (!table.is_object()) throw Error(ErrorCode::kInvalidFile, origin_ + " is no table");
  if (table.contains("name") && table["name"].is_string()) origin_ += " \"" + table["name"].get<std::string>() + "\"";
}

const Json* CatalogRow::find(const char* field) const {
  used_.push_back(field);
  return table_.contains(field) ? &table_[field] : nullptr;
}

void CatalogRow::fail(const char* field, const std::string& what) const {
  throw Error(ErrorCode::kInvalidFile, origin_ + ": " + field + " " + what);
}

std::string CatalogRow::text(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) fail(field, "is missing");
  if (!value->is_string()) fail(field, "must be text in quotes");
  return value->get<std::string>();
}

std::string CatalogRow::text(const char* field, std::string_view fallback) const {
  return find(field) == nullptr ? std::string(fallback) : text(field);
}

double CatalogRow::number(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) fail(field, "is missing");
  if (!value->is_number() || !std::isfinite(value->get<double>()) || value->get<double>() < 0) {
    fail(field, "must be a number from 0 on");
  }
  return value->get<double>();
}

double CatalogRow::number(const char* field, double fallback) const {
  return find(field) == nullptr ? fallback : number(field);
}

int32_t CatalogRow::whole(const char* field) const {
  const double value = number(field);
  if (value != std::floor(value) || value > 2e9) fail(field, "must be a whole number");
  return int32_t(value);
}

int32_t CatalogRow::whole(const char* field, int32_t fallback) const {
  return find(field) == nullptr ? fallback : whole(field);
}

bool CatalogRow::flag(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return false;
  if (!value->is_boolean()) fail(field, "must be true or false");
  return value->get<bool>();
}

void CatalogRow::check_all_used() const {
  for (const auto& [key, value] : table_.items()) {
    if (std::find(used_.begin(), used_.end(), key) == used_.end()) fail(key.c_str(), "is no field of such a table");
  }
}

std::string catalog_key(std::string_view name) {
  std::string key;
  for (char c : ascii_lower(name)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.') {
      key += c;
    } else if (!key.empty() && key.back() != '-') {
      key += '-';
    }
  }
  while (!key.empty() && key.back() == '-') key.pop_back();
  return key;
}

}  // namespace vivace
