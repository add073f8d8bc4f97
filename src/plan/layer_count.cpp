#include "plan/layer_count.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace vivace {

int32_t LayerCount::of(int32_t layers) const {
  return kind == Kind::kCount ? std::min(count, layers) : int32_t(std::lround(ratio * layers));
}

LayerCount parse_layer_count(std::string_view text, std::string_view option) {
  LayerCount wish;
  if (text == "max") {
    wish.count = std::numeric_limits<int32_t>::max();
    return wish;
  }
  const char* const end = text.data() + text.size();
  if (text.find('.') != std::string_view::npos) {
    wish.kind = LayerCount::Kind::kRatio;
    const auto [stop, error] = std::from_chars(text.data(), end, wish.ratio, std::chars_format::fixed);
    if (error == std::errc() && stop == end && wish.ratio >= 0 && wish.ratio <= 1) return wish;
  } else {
    const auto [stop, error] = std::from_chars(text.data(), end, wish.count);
    if (error == std::errc() && stop == end && wish.count >= 0) return wish;
  }
  throw Error(ErrorCode::kInvalidArgument, std::string(option) + " can't be \"" + std::string(text) + "\"",
              "it takes auto, a number of layers, a ratio with a point such as 0.5, or max");
}

}  // namespace vivace
