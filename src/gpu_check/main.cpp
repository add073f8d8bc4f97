// vivace-gpu-check: is this machine's GPU right, and how fast is it? Needs a driver and nothing else.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "gpu_check/checks.h"

namespace vivace::gpu_check {

std::unique_ptr<Device> Setup::open(const DevicePretence& wanted) const {
  DeviceOptions options;
  options.pretence = wanted;
  return open_device(device, options, *pool);
}

namespace {

constexpr const char* kHelp =
    "vivace-gpu-check: is this machine's GPU right, and how fast is it?\n"
    "\n"
    "  --device NAME         cuda0, vulkan0, …; by itself the first GPU\n"
    "  --conformance FOLDER  golden models and SmolLM2's truth\n"
    "  --model FILE          SmolLM2-135M-Instruct in Q4_1\n"
    "  --bench-model FILE    whose speed is measured\n"
    "  --sections A,B        of facts, matmul, attention, golden, splits, memory, faults, speed; by itself all\n"
    "  --thorough            every split, every fault\n"
    "  --threads N           of the CPU's part\n"
    "  --json FILE           where the report goes; by itself to standard output\n"
    "\n"
    "Ends with 0 where everything is right, 1 where something is not, 2 for wrong arguments.\n";

struct SectionRow {
  const char* name;
  void (*run)(const Setup& setup, Section& section);
};

constexpr SectionRow kSections[] = {
    {"facts", check_facts},   {"matmul", check_matmul}, {"attention", check_attention}, {"golden", check_golden},
    {"splits", check_splits}, {"memory", check_memory}, {"faults", check_faults},       {"speed", check_speed},
};

struct Options {
  Setup setup;
  std::string sections, json;
  int threads = 0;
};

/// Throws Error kInvalidArgument.
Options read_options(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--thorough") {
      options.setup.thorough = true;
      continue;
    }
    if (i + 1 == count) throw Error(ErrorCode::kInvalidArgument, name + " needs a value, or is no option");
    const std::string value = arguments[++i];
    if (name == "--device") {
      options.setup.device = value;
    } else if (name == "--conformance") {
      options.setup.conformance = value;
    } else if (name == "--model") {
      options.setup.model = value;
    } else if (name == "--bench-model") {
      options.setup.bench_model = value;
    } else if (name == "--sections") {
      options.sections = "," + value + ",";
    } else if (name == "--json") {
      options.json = value;
    } else if (name == "--threads") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.threads);
      if (error != std::errc() || *end != '\0' || options.threads < 1 || options.threads > 1024) {
        throw Error(ErrorCode::kInvalidArgument, "--threads takes 1 to 1024");
      }
    } else {
      throw Error(ErrorCode::kInvalidArgument, "there is no option " + name);
    }
  }
  return options;
}

int check(Options options) {
  ThreadPool pool(options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency())));
  Setup& setup = options.setup;
  setup.pool = &pool;
  if (setup.device.empty()) {
    const std::vector<std::string> names = gpu_names({});
    if (names.empty()) throw Error(ErrorCode::kNotFound, "there is no GPU that this build can use");
    setup.device = names.front();
  }
  Report report(setup.device + ": " + setup.open()->info().name);
  for (const SectionRow& row : kSections) {
    if (!options.sections.empty() && options.sections.find("," + std::string(row.name) + ",") == std::string::npos) {
      continue;
    }
    report.run(row.name, [&](Section& section) { row.run(setup, section); });
  }
  if (options.json.empty()) {
    std::fputs(report.json().c_str(), stdout);
  } else if (!(std::ofstream(options.json) << report.json())) {
    throw Error(ErrorCode::kIo, "can't write " + options.json);
  }
  return report.failures() == 0 ? 0 : 1;
}

int run(int count, char** arguments) {
  if (count > 1 && (std::strcmp(arguments[1], "--help") == 0 || std::strcmp(arguments[1], "-h") == 0)) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  try {
    return check(read_options(count, arguments));
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n%s\n", error.what(), error.hint().c_str());
    return error.code() == ErrorCode::kInvalidArgument ? 2 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace vivace::gpu_check

int main(int count, char** arguments) { return vivace::gpu_check::run(count, arguments); }
