#include "server/random_id.h"

#include <random>

namespace vivace {

std::string random_id() {
  static thread_local std::random_device device;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  for (int word = 0; word < 6; ++word) {
    for (unsigned bits = device(), i = 0; i < 8; ++i, bits >>= 4) id += kDigits[bits & 15];
  }
  return id;
}

}  // namespace vivace
