// libFuzzer target: any text is a catalogue of hardware or an Error, and what is read can be asked for anything.
#include "catalog/hardware_catalog.h"

#include <cstdint>
#include <string_view>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    vivace::make_paper_machine(vivace::read_hardware_catalog(text, "fuzz.toml"), "2x a + b");
  } catch (const vivace::Error&) {
  }
  try {
    vivace::make_paper_machine(vivace::hardware_catalog(), text);
  } catch (const vivace::Error&) {
  }
  return 0;
}
