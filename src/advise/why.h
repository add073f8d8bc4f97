// Why a run was as slow as it was: the time of a token, from the fastest this machine could be to what was measured,
// cut into causes. Pure arithmetic on facts of the run.
#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace vivace {

/// Tokens per second that the cost model expects under one better circumstance, all else as it was; 0: no difference.
struct BetterSpeeds {
  double threads = 0;  // with the automatic number of threads
  double formats = 0;  // with a kernel of its own for every weight format
  double depth = 0;    // at the beginning of a context
  double spill = 0;    // with every layer on the fastest device
};

/// One run as it was. What is not known is 0.
struct RunFacts {
  std::string model, at;
  std::string what = "decode";  // or "prefill": what the speeds are of
  double measured = 0;          // tokens per second
  double predicted = 0;         // for this run, its settings and depth
  bool by_measurement = false;  // predicted from measured speeds of this machine; false: from a guess
  BetterSpeeds better;

  int32_t threads = 0, automatic_threads = 0;
  int32_t depth = 0;                   // tokens
  int32_t layers = 0, gpu_layers = 0;  // those wholly on GPUs, where there are any
  std::string generic_formats;         // without a kernel of their own, "IQ2_XS, TQ1_0"
  bool mapped = false;                 // weights are used where they lie in the file

  double wall = 0, own_cpu = 0, other_cpu = 0, stolen = 0;  // seconds, of the run; CPU time of all CPUs together
  int32_t cpus = 0;
  int64_t major_faults = 0, disk_bytes = 0, swapped_pages = 0;
  double clock = 0;     // of the most that the CPUs reach, while it ran
  double now_rate = 0;  // memory read per second right now, over what was stored when the machine was measured
};

Json facts_json(const RunFacts& facts);
/// Throws Error kInvalidFile for what facts_json() does not write.
RunFacts parse_facts_json(const Json& json);

struct Cause {
  std::string name;      // "threads", "other load", ...
  double seconds = 0;    // of each token
  std::string evidence;  // a sentence
  std::string fix;       // a command or what to do
};

struct WhyAnswer {
  double ideal = 0;           // tokens per second without any cause
  std::vector<Cause> causes;  // the largest first
  double unexplained = 0;     // seconds of each token; negative: faster than expected
};

/// Throws Error kInvalidArgument for facts without a measured speed.
WhyAnswer explain_speed(const RunFacts& facts);

Json why_json(const RunFacts& facts, const WhyAnswer& answer);

}  // namespace vivace
