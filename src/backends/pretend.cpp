#include "backends/pretend.h"

#include <charconv>
#include <string_view>

#include "base/error.h"
#include "base/option.h"

namespace vivace {
namespace {

int32_t parse_devices(std::string_view text) {
  constexpr int32_t kMost = 16;
  int32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc{} && end == text.data() + text.size() && count >= 1 && count <= kMost) return count;
  throw Error(ErrorCode::kInvalidArgument,
              "VIVACE_PRETEND_DEVICES must be between 1 and " + std::to_string(kMost) + ", not " + std::string(text));
}

void parse_memory(std::string_view part, DevicePretence& pretence) {
  const size_t colon = part.find(':');
  const std::optional<int64_t> bytes =
      colon == std::string_view::npos ? std::nullopt : parse_size(part.substr(colon + 1));
  if (colon == 0 || !bytes || *bytes < 0) {
    throw Error(ErrorCode::kInvalidArgument, "VIVACE_DEVICE_MEMORY can't be read at \"" + std::string(part) + "\"",
                "write DEVICE:SIZE, as in vulkan0:96MiB; several are joined by commas");
  }
  pretence.memory[std::string(part.substr(0, colon))] = size_t(*bytes);
}

}  // namespace

std::optional<size_t> DevicePretence::memory_of(const std::string& id) const {
  const auto found = memory.find(id);
  return found == memory.end() ? std::nullopt : std::optional<size_t>(found->second);
}

DevicePretence parse_pretence(const std::string& devices, const std::string& memory, const std::string& faults) {
  DevicePretence pretence;
  if (!devices.empty()) pretence.devices = parse_devices(devices);
  std::string_view rest = memory;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    parse_memory(rest.substr(0, comma), pretence);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  pretence.faults = parse_device_faults(faults);
  return pretence;
}

}  // namespace vivace
