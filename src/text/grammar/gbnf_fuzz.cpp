// libFuzzer target: whatever is given out as a grammar is translated or refused.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/grammar/gbnf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    vivace::lark_of_gbnf({reinterpret_cast<const char*>(data), size});
  } catch (const vivace::Error&) {
  }
  return 0;
}
