#include "store/speed_json.h"

#include <cmath>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

Error bad_field(const std::string& name) {
  return Error(ErrorCode::kInvalidFile, "the stored speed has no proper '" + name + "'",
               "vivace hardware --measure measures it again");
}

const Json& field(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name)) throw bad_field(name);
  return json[name];
}

double number(const Json& json, const char* name) {
  const Json& value = field(json, name);
  if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0) throw bad_field(name);
  return value.get<double>();
}

std::string text(const Json& json, const char* name) {
  const Json& value = field(json, name);
  if (!value.is_string()) throw bad_field(name);
  return value.get<std::string>();
}

int32_t whole(const Json& json, const char* name) {
  const double value = number(json, name);
  if (value > 1e6 || value != std::floor(value)) throw bad_field(name);
  return int32_t(value);
}

const Json& list(const Json& json, const char* name, bool may_be_empty = false) {
  const Json& value = field(json, name);
  if (!value.is_array() || (value.empty() && !may_be_empty)) throw bad_field(name);
  return value;
}

Format format_named(const std::string& name) {
  const FormatRow* row = find_format(name);
  if (row == nullptr) throw bad_field("format");
  return row->format;
}

FormatSpeed parse_format(const Json& json) {
  FormatSpeed format;
  format.format = format_named(text(json, "format"));
  format.layout = text(json, "layout") == "panel16" ? Layout::kPanel16 : Layout::kRows;
  double last = 0;
  for (const Json& point : list(json, "points")) {
    format.points.push_back({number(point, "tokens"), number(point, "memory_macs_per_second"),
                             number(point, "cache_macs_per_second"), number(point, "row_seconds")});
    if (format.points.back().tokens <= last || format.points.back().from_memory <= 0) throw bad_field("points");
    last = format.points.back().tokens;
  }
  return format;
}

}  // namespace

Json speed_json(const DeviceSpeed& speed) {
  Json streams = Json::array(), formats = Json::array(), attention = Json::array(), threads = Json::array();
  for (const StreamPoint& p : speed.streams) {
    streams.push_back({{"bytes", p.bytes}, {"bytes_per_second", p.bytes_per_second}});
  }
  for (const FormatSpeed& f : speed.formats) {
    Json points = Json::array();
    for (const MatmulPoint& p : f.points) {
      points.push_back({{"tokens", p.tokens},
                        {"memory_macs_per_second", p.from_memory},
                        {"cache_macs_per_second", p.from_cache},
                        {"row_seconds", p.row_seconds}});
    }
    formats.push_back({{"format", format_row(f.format).name},
                       {"layout", f.layout == Layout::kPanel16 ? "panel16" : "rows"},
                       {"points", points}});
  }
  for (const AttentionSpeed& a : speed.attention) {
    attention.push_back({{"format", format_row(a.format).name},
                         {"decode_bytes_per_second", a.decode_bytes},
                         {"decode_macs_per_second", a.decode_macs},
                         {"prefill_macs_per_second", a.prefill_macs}});
  }
  for (const ThreadPoint& p : speed.thread_points) {
    threads.push_back({{"threads", p.threads},
                       {"bytes_per_second", p.bytes_per_second},
                       {"int8_macs_per_second", p.macs_per_second}});
  }
  return {{"device", speed.device},
          {"measured", speed.measured},
          {"threads", speed.threads},
          {"bytes_per_second", speed.bytes_per_second},
          {"values_per_second", speed.values_per_second},
          {"layer_seconds", speed.layer_seconds},
          {"step_seconds", speed.step_seconds},
          {"head_seconds", speed.head_seconds},
          {"link_up_bytes_per_second", speed.link_up},
          {"link_down_bytes_per_second", speed.link_down},
          {"by_threads", threads},
          {"by_bytes_read", streams},
          {"attention", attention},
          {"products", formats}};
}

DeviceSpeed parse_speed_json(const Json& json) {
  DeviceSpeed speed;
  speed.device = text(json, "device");
  speed.measured = field(json, "measured").is_boolean() && json["measured"].get<bool>();
  speed.threads = std::max(1, whole(json, "threads"));
  speed.bytes_per_second = number(json, "bytes_per_second");
  if (speed.bytes_per_second <= 0) throw bad_field("bytes_per_second");
  speed.values_per_second = number(json, "values_per_second");
  speed.layer_seconds = number(json, "layer_seconds");
  speed.step_seconds = number(json, "step_seconds");
  speed.head_seconds = number(json, "head_seconds");
  speed.link_up = number(json, "link_up_bytes_per_second");
  speed.link_down = number(json, "link_down_bytes_per_second");
  for (const Json& point : list(json, "by_threads", true)) {
    speed.thread_points.push_back(
        {whole(point, "threads"), number(point, "bytes_per_second"), number(point, "int8_macs_per_second")});
    if (speed.thread_points.back().threads < 1 || speed.thread_points.back().bytes_per_second <= 0 ||
        speed.thread_points.back().macs_per_second <= 0) {
      throw bad_field("by_threads");
    }
  }
  for (const Json& point : list(json, "by_bytes_read", true)) {
    speed.streams.push_back({number(point, "bytes"), number(point, "bytes_per_second")});
    if (speed.streams.back().bytes <= 0 || speed.streams.back().bytes_per_second <= 0) throw bad_field("by_bytes_read");
  }
  for (const Json& row : list(json, "attention")) {
    speed.attention.push_back({format_named(text(row, "format")), number(row, "decode_bytes_per_second"),
                               number(row, "decode_macs_per_second"), number(row, "prefill_macs_per_second")});
  }
  for (const Json& row : list(json, "products")) speed.formats.push_back(parse_format(row));
  return speed;
}

}  // namespace vivace
