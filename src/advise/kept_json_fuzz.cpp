// libFuzzer target: any text in the database or in a file of results is a record or an Error, never anything else.
#include <cstdint>
#include <string>

#include "advise/bench_history.h"
#include "advise/profile.h"
#include "advise/seen_speed.h"
#include "advise/why.h"
#include "base/error.h"
#include "base/json.h"
#include "store/speed_json.h"

namespace {

template <class Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const vivace::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vivace::Json json;
  attempt([&] { json = vivace::parse_json({reinterpret_cast<const char*>(data), size}); });
  attempt([&] { vivace::parse_speed_json(json); });
  attempt([&] { vivace::parse_facts_json(json); });
  attempt([&] { vivace::compare_benchmarks(json, json); });
  attempt([&] { vivace::slower_than_record({&json, 1}, json); });
  attempt([&] { vivace::correction_of({&json, 1}); });
  attempt([&] {
    vivace::Wishes wishes;
    vivace::apply_profile(vivace::parse_profile_json(json), "2026-01-01T00:00:00Z", wishes);
  });
  return 0;
}
