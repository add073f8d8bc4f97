#include "cli/load_options.h"

#include <algorithm>
#include <charconv>

#include "advise/levers.h"
#include "base/error.h"
#include "base/os/topology.h"

namespace vivace {
namespace {

constexpr std::string_view kMemory = "Model and memory";
constexpr std::string_view kOffload = "GPU offload";
constexpr std::string_view kCompute = "Compute";

const OptionRow kRows[] = {
    {.name = "context-length",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1 << 24,
     .help = "Tokens of prompt and answer together",
     .group = kMemory},
    {.name = "kv-type",
     .type = OptionType::kEnum,
     .default_text = "auto",
     .choices = {"auto", "f32", "f16", "q8_0", "q4_0"},
     .help = "Format of the KV cache",
     .group = kMemory},
    {.name = "batch-size",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 16384,
     .help = "Most tokens computed in one step",
     .group = kMemory},
    {.name = "parallel",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1024,
     .help = "Sequences that memory is reserved for",
     .group = kMemory},
    {.name = "gpu-layers",
     .type = OptionType::kString,
     .default_text = "auto",
     .help = "Layers that GPUs compute, the last ones: auto, a number, a ratio such as 0.5, max; 0 leaves GPUs alone",
     .group = kOffload},
    {.name = "device",
     .type = OptionType::kString,
     .default_text = "auto",
     .help = "GPUs to use, by the names that vivace hardware lists, with commas between",
     .group = kOffload},
    {.name = "gpu-split",
     .type = OptionType::kString,
     .default_text = "auto",
     .help = "Shares of the GPUs in these layers, such as 3,1; auto: by their memory",
     .group = kOffload},
    {.name = "offload-kv",
     .type = OptionType::kEnum,
     .default_text = "on",
     .choices = {"on", "off"},
     .help =
         "Where a GPU's layers keep their KV cache: on the GPU, or (off) in host memory: slower, but more layers fit",
     .group = kOffload},
    {.name = "cpu-ffn",
     .type = OptionType::kString,
     .default_text = "auto",
     .help =
         "Of the layers on GPUs, the first ones, whose feed-forward (experts) the CPU keeps: a number, a ratio, max",
     .group = kOffload},
    {.name = "layer-split",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Layers per device, CPU first, such as 20,10; wins over --gpu-layers",
     .group = kOffload},
    {.name = "mmap",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Use the weights where the file lies in the system's cache instead of loading them; slower to generate",
     .group = kMemory},
    {.name = "reserve-memory",
     .type = OptionType::kSize,
     .default_text = "512 MiB",
     .min = 0,
     .max = double(int64_t{1} << 50),
     .help = "Host memory to leave to others",
     .group = kMemory},
    {.name = "threads",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1024,
     .help = "Threads that generate",
     .group = kCompute},
    {.name = "threads-prefill",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1024,
     .help = "Threads that read the prompt",
     .group = kCompute},
    {.name = "backend",
     .type = OptionType::kEnum,
     .default_text = "cpu",
     .choices = {"cpu", "reference"},
     .help = "What computes; reference is slow and exact",
     .group = kCompute},
    {.name = "isa",
     .type = OptionType::kString,
     .default_text = "auto",
     .help = "CPU kernels, by the names that vivace hardware lists",
     .environment = "VIVACE_ISA",
     .group = kCompute},
    {.name = "devices",
     .type = OptionType::kInt,
     .default_text = "1",
     .min = 1,
     .max = 64,
     .help = "Pretend that the CPU is this many devices, to try a layer split",
     .group = kCompute},
};

std::optional<int32_t> wish(const Arguments& arguments, std::string_view name) {
  if (const auto value = arguments.integer(name)) return static_cast<int32_t>(*value);
  return std::nullopt;
}

std::vector<std::string> parse_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "--device takes different names with commas between, such as cuda0,cuda1");
    }
    names.emplace_back(name);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return names;
}

std::vector<double> parse_shares(std::string_view text) {
  std::vector<double> shares;
  double sum = 0;
  while (true) {
    double share = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), share, std::chars_format::fixed);
    if (error != std::errc() || !(share >= 0 && share <= 1e6)) break;
    shares.push_back(share);
    sum += share;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    if (text.empty() && sum > 0) return shares;
    if (text.empty() || text.front() != ',') break;
    text.remove_prefix(1);
  }
  throw Error(ErrorCode::kInvalidArgument, "--gpu-split takes a share for each GPU with commas between, such as 3,1");
}

/// The value of an option that is not auto.
std::optional<std::string> chosen_text(const Arguments& arguments, std::string_view name) {
  const std::optional<std::string> text = arguments.text(name);
  return !text || text->empty() || *text == "auto" ? std::nullopt : text;
}

std::vector<int32_t> parse_split(std::string_view text) {
  std::vector<int32_t> layers;
  while (true) {
    int32_t count = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count < 0) {
      throw Error(ErrorCode::kInvalidArgument, "layer-split: it takes layer counts with commas between, such as 20,10");
    }
    layers.push_back(count);
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    if (text.empty()) return layers;
    if (text.front() == ',') text.remove_prefix(1);
  }
}

}  // namespace

/// Whether any layer may go to a GPU: else no driver is woken.
static bool wants_gpus(const Arguments& arguments) {
  const auto layers = chosen_text(arguments, "gpu-layers");
  if (!layers) return arguments.text("backend").value_or("cpu") == "cpu";
  const LayerCount wish = parse_layer_count(*layers);
  return wish.kind == LayerCount::Kind::kCount ? wish.count > 0 : wish.ratio > 0;
}

std::span<const OptionRow> load_options() { return kRows; }

MachineOptions machine_options(const Arguments& arguments, const Environment& environment) {
  MachineOptions options;
  options.backend = arguments.text("backend").value_or("cpu");
  options.isa = arguments.given("isa") ? arguments.text("isa").value_or("") : environment.isa;
  if (options.isa == "auto") options.isa.clear();
  // The pool holds the larger of the two sets of threads; where one is auto it is as large as the machine suggests.
  const std::optional<int32_t> threads = wish(arguments, "threads");
  const int32_t prefill = wish(arguments, "threads-prefill").value_or(threads.value_or(0));
  if (threads || prefill > 0) {
    const int32_t decode = threads.value_or(read_topology().useful_threads());
    options.threads = std::max(decode, prefill);
  }
  options.pretence =
      parse_pretence(environment.pretend_devices, environment.device_memory, environment.fail_device_call);
  options.cache = app_paths(environment).cache;
  if (const auto names = chosen_text(arguments, "device")) options.chosen_gpus = parse_names(*names);
  options.gpus = wants_gpus(arguments);
  options.reserve_memory = static_cast<size_t>(arguments.integer("reserve-memory").value_or(512 << 20));
  options.pretend_cpu_devices = static_cast<int32_t>(arguments.integer("devices").value_or(1));
  return options;
}

Wishes load_wishes(const Arguments& arguments) {
  Wishes wishes;
  wishes.context_length = wish(arguments, "context-length");
  wishes.batch_size = wish(arguments, "batch-size");
  wishes.parallel = wish(arguments, "parallel");
  wishes.threads = wish(arguments, "threads");
  wishes.threads_prefill = wish(arguments, "threads-prefill");
  wishes.map_weights = arguments.flag("mmap");
  wishes.kv_format = kv_format_named(arguments.text("kv-type").value_or("auto"));
  if (const auto layers = chosen_text(arguments, "gpu-layers")) wishes.gpu_layers = parse_layer_count(*layers);
  if (const auto layers = chosen_text(arguments, "cpu-ffn")) wishes.cpu_ffn = parse_layer_count(*layers, "--cpu-ffn");
  if (const auto shares = chosen_text(arguments, "gpu-split")) wishes.gpu_split = parse_shares(*shares);
  wishes.devices_named = chosen_text(arguments, "device").has_value();
  wishes.kv_on_gpu = arguments.text("offload-kv").value_or("on") == "on";
  if (const auto split = arguments.text("layer-split")) wishes.layer_split = parse_split(*split);
  return wishes;
}

}  // namespace vivace
