#include "catalog/claims.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"
#include "catalog/catalog_data.h"
#include "catalog/hardware_catalog.h"
#include "catalog/model_catalog.h"
#include "catalog/toml_text.h"
#include "models/decoder.h"
#include "plan/cost/forecast.h"
#include "plan/paper_device.h"

namespace vivace {
namespace {

constexpr double kGibibyte = double(1 << 30);

std::string figure(double value, int digits = 2) { return fixed_text(value, digits); }

/// The verdict of many cases: all of them, some, none.
std::string verdict_of(size_t right, size_t all) {
  return right == all ? "holds" : right > 0 ? "holds only if" : "contradicted";
}

ModelCard card_of(const char* shape, const char* quant = "Q4_K_M") {
  const ModelShape* found = find_model_shape(shape);
  if (found == nullptr) throw Error(ErrorCode::kInvalidFile, std::string("no shape is called ") + shape);
  return shape_card(*found, quant);
}

/// Bytes of the whole KV cache of one sequence.
size_t kv_bytes(const ModelCard& card, int32_t context, Format format) {
  Placement placement;
  placement.layers.assign(card.layers.size(), 0);
  size_t bytes = 0;
  for (const KvGroup& group : make_kv_layout(card, placement, format).groups) {
    bytes += size_t(kv_pages_needed(group, context, 1)) * group.page_bytes;
  }
  return bytes;
}

/// Layers that go on a GPU which can hold so many bytes of weights and KV cache (its workspace already taken off),
/// together with the output, beside a host that has room for the rest.
int32_t layers_on_card(const ModelCard& card, double bytes, int32_t context) {
  DeviceInfo host, gpu;
  host.id = "cpu";
  gpu.id = "gpu";
  gpu.kind = DeviceKind::kDiscreteGpu;
  const std::unique_ptr<Device> cpu = make_paper_device({host, 0}), unlimited = make_paper_device({gpu, 0});
  Wishes wishes;
  wishes.context_length = context;
  wishes.gpu_layers = LayerCount{};
  Device* const devices[] = {cpu.get(), unlimited.get()};
  for (auto layers = int32_t(card.layers.size()); layers > 0; --layers) {
    wishes.gpu_layers->count = layers;
    const MemoryLedger ledger = make_plan(card, devices, {8, 16, {}}, wishes).ledgers[1];
    if (double(ledger.weights + ledger.kv) <= bytes) return layers;
  }
  return 0;
}

/// Every discrete card of the catalogue by itself in the catalogue's desktop.
std::vector<const HardwareRow*> discrete_cards() {
  std::vector<const HardwareRow*> cards;
  for (const HardwareRow& row : hardware_catalog().devices) {
    if (row.backend != "cpu" && !row.unified) cards.push_back(&row);
  }
  return cards;
}

/// Tokens per second with the last `on_gpu` layers on the card, whatever its memory.
double rate_with_layers(const ModelCard& card, const PaperMachine& machine, int32_t on_gpu, int32_t threads = 0) {
  Placement placement;
  placement.layers.assign(card.layers.size(), 0);
  std::fill(placement.layers.end() - on_gpu, placement.layers.end(), 1);
  if (on_gpu > 0) placement.output = 1;
  if (on_gpu == int32_t(card.layers.size())) placement.embedding = 1;
  const std::vector<Device*> devices = machine.device_pointers();
  const std::vector<DeviceSpeed> speeds =
      speeds_of(machine.host, devices, threads > 0 ? threads : machine.host.physical_cores);
  return predict_decode_rate({card, placement, Format::kF16, speeds}, 1, 0);
}

PaperMachine machine_of(const std::string& name) { return make_paper_machine(hardware_catalog(), catalog_key(name)); }

ClaimResult full_gpu_over_cpu() {
  const ModelCard card = card_of("llama-7b");
  size_t within = 0;
  double least = std::numeric_limits<double>::max(), most = 0;
  const auto cards = discrete_cards();
  for (const HardwareRow* row : cards) {
    const PaperMachine machine = machine_of(row->name);
    const double ratio = rate_with_layers(card, machine, 32) / rate_with_layers(card, machine, 0);
    within += ratio >= 3 && ratio <= 10;
    least = std::min(least, ratio);
    most = std::max(most, ratio);
  }
  return {verdict_of(within, cards.size()),
          {{"discrete cards", std::to_string(cards.size())},
           {"of them within 3 to 10 times", std::to_string(within)},
           {"least", figure(least, 1)},
           {"most", figure(most, 1)}}};
}

/// A card in the catalogue's desktop, and in a server whose twelve channels of memory are faster than many cards.
std::vector<std::string> card_and_host_pairs() {
  std::vector<std::string> pairs;
  for (const HardwareRow* row : discrete_cards()) {
    pairs.push_back(row->name);
    pairs.push_back("EPYC 9965 + " + row->name);
  }
  return pairs;
}

/// Whether `holds` of the rates with 0 … 32 layers on the GPU, for each card in each host.
ClaimResult of_splits(const std::function<bool(const std::vector<double>& rates)>& holds) {
  const ModelCard card = card_of("llama-7b");
  size_t all = 0, right = 0, faster = 0, right_of_faster = 0;
  for (const std::string& name : card_and_host_pairs()) {
    const PaperMachine machine = make_paper_machine(hardware_catalog(), name);
    std::vector<double> rates;
    for (int32_t layers = 0; layers <= 32; ++layers) rates.push_back(rate_with_layers(card, machine, layers));
    const bool gpu_is_faster = rates.back() > 1.1 * rates.front(), as_said = holds(rates);
    ++all;
    right += as_said;
    faster += gpu_is_faster;
    right_of_faster += gpu_is_faster && as_said;
  }
  const std::string verdict = right_of_faster < faster ? "contradicted" : verdict_of(right, all);
  return {verdict,
          {{"cards, each in a desktop and in a server", std::to_string(all)},
           {"where it is so", std::to_string(right)},
           {"where the GPU is faster than the CPU by a tenth or more", std::to_string(faster)},
           {"of these, where it is so", std::to_string(right_of_faster)}}};
}

ClaimResult more_layers_never_slower() {
  return of_splits([](const std::vector<double>& rates) {
    return std::is_sorted(rates.begin() + 1, rates.end());  // from the first on: it brings the link with it
  });
}

ClaimResult full_at_least_hybrid() {
  return of_splits(
      [](const std::vector<double>& rates) { return rates.back() >= *std::max_element(rates.begin(), rates.end()); });
}

ClaimResult layer_counts() {
  size_t right = 0;
  ClaimResult result;
  for (const auto& [name, layers] : {std::pair("llama-7b", 32), {"llama-13b", 40}, {"llama-2-70b", 80}}) {
    const int32_t found = find_model_shape(name)->layers;
    right += found == layers;
    result.figures.emplace_back(name, std::to_string(found));
  }
  result.verdict = verdict_of(right, 3);
  return result;
}

ClaimResult thirteen_b_on_eight_gib() {
  const ModelCard card = card_of("llama-13b");
  const double room = (8.0 - 0.2) * kGibibyte;
  const int32_t at_2048 = layers_on_card(card, room, 2048), at_4096 = layers_on_card(card, room, 4096);
  return {verdict_of((at_2048 == 35) + (at_4096 == 35), 2),
          {{"layers at 2048 tokens", std::to_string(at_2048)},
           {"layers at 4096 tokens", std::to_string(at_4096)},
           {"weights, GiB", figure(double(card.weight_bytes()) / kGibibyte)},
           {"KV cache at 2048, GiB", figure(double(kv_bytes(card, 2048, Format::kF16)) / kGibibyte)}}};
}

ClaimResult hybrid_penalty() {
  ClaimResult result;
  size_t modest = 0, all = 0;
  for (double r : {2.0, 3.0, 6.0, 12.0}) {
    const auto left = [r](double f) { return 1 / (1 + f * (r - 1)); };
    const double few = left(5.0 / 40), many = left(20.0 / 40);
    modest += few >= 0.75 && many < few;
    ++all;
    result.figures.emplace_back("CPU " + figure(r, 0) + " times slower: left with 5, with 20 of 40",
                                figure(100 * few, 0) + " %, " + figure(100 * many, 0) + " %");
  }
  result.verdict = verdict_of(modest, all);
  return result;
}

ClaimResult unified_has_no_link() {
  const ModelCard card = card_of("llama-7b");
  size_t no_link = 0, no_penalty = 0, all = 0;
  for (const HardwareRow& row : hardware_catalog().devices) {
    if (!row.unified || row.backend != "metal") continue;
    const PaperMachine machine = machine_of(row.name);
    ++all;
    no_link += machine.host.speeds.back().link_up == 0;
    no_penalty += rate_with_layers(card, machine, 27) >= rate_with_layers(card, machine, 32);
  }
  return {verdict_of(no_link + no_penalty, 2 * all),
          {{"chips with shared memory", std::to_string(all)},
           {"without a link to cross", std::to_string(no_link)},
           {"where 5 of 32 layers on the CPU cost nothing", std::to_string(no_penalty)}}};
}

ClaimResult unified_holds_more() {
  size_t right = 0, all = 0;
  ClaimResult result;
  for (double memory : {32.0, 48.0, 64.0, 128.0}) {
    const double limit = wired_limit(memory * kGibibyte) / kGibibyte;
    ++all;
    right += limit > 24;
    result.figures.emplace_back(figure(memory, 0) + " GB: the GPU may keep, GiB", figure(limit, 1));
  }
  result.verdict = verdict_of(right, all);
  return result;
}

ClaimResult kv_is_proportional() {
  size_t right = 0;
  for (const ModelShape& shape : model_shapes()) {
    const ModelCard card = shape_card(shape, "Q8_0");
    right += kv_bytes(card, 16384, Format::kF16) == 4 * kv_bytes(card, 4096, Format::kF16);
  }
  return {verdict_of(right, model_shapes().size()),
          {{"shapes", std::to_string(model_shapes().size())},
           {"with four times the cache at four times the context", std::to_string(right)}}};
}

ClaimResult kv_at(int32_t context, double least_gib, double most_gib, bool beside_card) {
  const ModelCard card = card_of("llama-7b");
  const size_t f16 = kv_bytes(card, context, Format::kF16), q8 = kv_bytes(card, context, Format::kQ8_0);
  const auto within = [&](size_t bytes) {
    return double(bytes) / kGibibyte >= least_gib * 0.99 && double(bytes) / kGibibyte <= most_gib * 1.01;
  };
  ClaimResult result{verdict_of(within(f16) + within(q8), 2),
                     {{"f16, bytes", std::to_string(f16)}, {"q8_0, bytes", std::to_string(q8)}}};
  if (beside_card) {
    // What the whole cache leaves of an 8 GiB card for layers.
    const double left = 8.0 * kGibibyte - double(q8);
    result.figures.emplace_back("layers beside it on 8 GiB", std::to_string(left > 0 ? 1 : 0));
    if (left > 0) result.verdict = "contradicted";
  }
  return result;
}

ClaimResult context_buys_layers() {
  const ModelCard card = card_of("llama-13b");
  const double room = (8.0 - 0.2) * kGibibyte;
  ClaimResult result;
  size_t more = 0, all = 0;
  int32_t last = -1;
  for (int32_t context : {4096, 3072, 2048, 1024, 512}) {
    const int32_t layers = layers_on_card(card, room, context);
    if (last >= 0) {
      ++all;
      more += layers > last;
    }
    last = layers;
    result.figures.emplace_back("layers at " + std::to_string(context), std::to_string(layers));
  }
  // On a card that holds everything there is nothing to buy.
  ++all;
  more += layers_on_card(card, 24 * kGibibyte, 1024) > layers_on_card(card, 24 * kGibibyte, 2048);
  result.verdict = verdict_of(more, all);
  return result;
}

ClaimResult decode_independent_of_batch() {
  const ModelCard card = card_of("llama-7b");
  size_t right = 0;
  const auto cards = discrete_cards();
  for (const HardwareRow* row : cards) {
    const PaperMachine machine = machine_of(row->name);
    std::vector<double> rates;
    for (int32_t batch : {128, 512, 2048}) {
      Wishes wishes;
      wishes.batch_size = batch;
      wishes.context_length = 2048;
      wishes.gpu_layers = LayerCount{};
      wishes.devices_named = true;
      const std::vector<Device*> devices = machine.device_pointers();
      const Plan plan = make_plan(card, devices, machine.host, wishes);
      rates.push_back(make_forecast(card, plan, devices, machine.host, {})->decode_tokens_per_second);
    }
    right += rates[0] == rates[1] && rates[1] == rates[2];
  }
  return {verdict_of(right, cards.size()),
          {{"machines", std::to_string(cards.size())}, {"unchanged", std::to_string(right)}}};
}

/// Tokens per second of a prompt of 4096 tokens with everything on the card.
double prefill_rate(const ModelCard& card, const PaperMachine& machine, int32_t batch) {
  Placement placement;
  placement.layers.assign(card.layers.size(), 1);
  placement.embedding = placement.output = 1;
  const std::vector<Device*> devices = machine.device_pointers();
  const std::vector<DeviceSpeed> speeds = speeds_of(machine.host, devices, machine.host.physical_cores);
  return 4096 / predict_prefill({card, placement, Format::kF16, speeds}, 4096, 0, batch).total();
}

ClaimResult batch_512_is_adequate() {
  const ModelCard card = card_of("llama-7b");
  size_t right = 0;
  double most = 0;
  const auto cards = discrete_cards();
  for (const HardwareRow* row : cards) {
    const PaperMachine machine = machine_of(row->name);
    const double gain = prefill_rate(card, machine, 2048) / prefill_rate(card, machine, 512);
    right += gain < 1.15;
    most = std::max(most, gain);
  }
  return {verdict_of(right, cards.size()),
          {{"cards", std::to_string(cards.size())}, {"most that 2048 gains over 512", figure(most)}}};
}

ClaimResult batch_2048_on_16_gib() {
  ClaimResult result;
  size_t right = 0;
  for (const char* name : {"llama-2-7b", "llama-2-13b"}) {
    const ModelCard card = card_of(name);
    DeviceInfo info;
    info.id = "gpu";
    info.kind = DeviceKind::kDiscreteGpu;
    info.memory_usable = size_t(16 * kGibibyte);
    const std::unique_ptr<Device> gpu = make_paper_device({info, 0});
    Wishes wishes;
    wishes.context_length = 4096;
    wishes.batch_size = 2048;
    Device* const devices[] = {gpu.get()};
    bool fits = true;
    size_t bytes = 0, small = 0;
    try {
      bytes = make_plan(card, devices, {8, 16, {}}, wishes).ledgers[0].total();
      wishes.batch_size = 512;
      small = make_plan(card, devices, {8, 16, {}}, wishes).ledgers[0].total();
    } catch (const Error&) {
      fits = false;
    }
    right += fits;
    result.figures.emplace_back(std::string(name) + " at batch 2048, GiB", figure(double(bytes) / kGibibyte));
    result.figures.emplace_back("  more than at 512, MiB", figure(double(bytes - small) / (1 << 20), 0));
  }
  result.verdict = verdict_of(right, 2);
  return result;
}

ClaimResult threads_beyond_cores_add_nothing() {
  const ModelCard card = card_of("llama-7b");
  size_t right = 0, all = 0;
  for (const HardwareRow& row : hardware_catalog().devices) {
    if (row.backend != "cpu") continue;
    const PaperMachine machine = machine_of(row.name);
    const int32_t cores = machine.host.physical_cores;
    ++all;
    right += rate_with_layers(card, machine, 0, 2 * cores) <= rate_with_layers(card, machine, 0, cores);
  }
  return {verdict_of(right, all),
          {{"processors", std::to_string(all)}, {"no faster beyond the cores", std::to_string(right)}}};
}

ClaimResult threads_matter_less_beside_a_gpu() {
  const ModelCard card = card_of("llama-7b");
  ClaimResult result;
  const PaperMachine machine = machine_of("RTX 4090");
  double last = std::numeric_limits<double>::max();
  size_t right = 0, all = 0;
  for (int32_t layers : {0, 8, 16, 24, 31}) {
    const double effect = rate_with_layers(card, machine, layers, 8) / rate_with_layers(card, machine, layers, 2);
    ++all;
    right += effect < last;
    last = effect;
    result.figures.emplace_back("8 threads over 2 with " + std::to_string(layers) + " of 32 layers on the GPU",
                                figure(effect));
  }
  result.verdict = verdict_of(right, all);
  return result;
}

ClaimResult thirty_b_on_24_gib() {
  const ModelCard card = card_of("llama-30b");
  const int32_t at_2048 = layers_on_card(card, 24 * kGibibyte, 2048),
                at_4096 = layers_on_card(card, 24 * kGibibyte, 4096);
  return {verdict_of((at_2048 == 60) + (at_4096 < 60), 2),
          {{"layers at 2048", std::to_string(at_2048)}, {"layers at 4096", std::to_string(at_4096)}}};
}

/// Whether a chip holds a 30B at 2048 tokens, all of it where the GPU may keep it.
ClaimResult thirty_b_on_unified(const char* chip, bool expected) {
  const ModelCard card = card_of("llama-30b");
  const PaperMachine machine = machine_of(chip);
  const std::vector<Device*> devices = machine.device_pointers();
  Wishes wishes;
  wishes.context_length = 2048;
  wishes.devices_named = true;
  wishes.gpu_layers = LayerCount{};
  wishes.gpu_layers->count = 60;
  bool fits = true;
  try {
    make_plan(card, devices, machine.host, wishes);
  } catch (const Error&) {
    fits = false;
  }
  return {fits == expected ? "holds" : "contradicted",
          {{"weights, GiB", figure(double(card.weight_bytes()) / kGibibyte, 1)},
           {"the GPU may keep, GiB", figure(double(devices[1]->info().memory_usable) / kGibibyte, 1)},
           {"all 60 layers fit", fits ? "yes" : "no"}}};
}

/// The twelve cells: their range, the ceiling, what we predict.
ClaimResult reference_table() {
  struct Cell {
    const char* chip;
    const char* model;
    double low, high;
  };
  constexpr Cell kCells[] = {
      {"Apple M1 Pro (16 GB)", "llama-7b", 28, 34},
      {"Apple M1 Pro (16 GB)", "llama-13b", 14, 18},
      {"Apple M1 Pro (16 GB)", "llama-30b", 4, 6},
      {"Apple M3 Max (48 GB)", "llama-7b", 55, 70},
      {"Apple M3 Max (48 GB)", "llama-13b", 38, 50},
      {"Apple M3 Max (48 GB)", "llama-30b", 18, 26},
      {"RTX 3090", "llama-7b", 60, 80},
      {"RTX 3090", "llama-13b", 40, 55},
      {"RTX 3090", "llama-30b", 16, 22},
      {"RTX 4090", "llama-7b", 90, 120},
      {"RTX 4090", "llama-13b", 60, 80},
      {"RTX 4090", "llama-30b", 22, 32},
  };
  ClaimResult result;
  size_t possible = 0;
  for (const Cell& cell : kCells) {
    const ModelCard card = card_of(cell.model);
    const HardwareRow& row = *hardware_catalog().find(cell.chip);
    const double ceiling = row.bytes_per_second / bytes_per_token(card, Format::kF16, 1024);
    const PaperMachine machine = machine_of(cell.chip);
    const double memory = double(machine.devices[1]->info().memory_usable);
    const bool fits = double(card.weight_bytes() + kv_bytes(card, 2048, Format::kF16)) <= memory;
    const double predicted = rate_with_layers(card, machine, int32_t(card.layers.size()));
    possible += fits && cell.high <= ceiling;
    result.figures.emplace_back(std::string(cell.chip) + ", " + cell.model,
                                figure(cell.low, 0) + " to " + figure(cell.high, 0) + "; ceiling " +
                                    (fits ? figure(ceiling, 0) : "none: it does not fit") +
                                    (fits ? ", predicted " + figure(predicted, 0) : ""));
  }
  result.verdict = verdict_of(possible, std::size(kCells));
  return result;
}

struct CheckRow {
  const char* name;
  ClaimResult (*run)();
};

constexpr CheckRow kChecks[] = {
    {"full_gpu_over_cpu", full_gpu_over_cpu},
    {"more_layers_never_slower", more_layers_never_slower},
    {"full_at_least_hybrid", full_at_least_hybrid},
    {"layer_counts", layer_counts},
    {"thirteen_b_on_eight_gib", thirteen_b_on_eight_gib},
    {"hybrid_penalty", hybrid_penalty},
    {"unified_has_no_link", unified_has_no_link},
    {"unified_holds_more", unified_holds_more},
    {"kv_is_proportional", kv_is_proportional},
    {"kv_of_7b_at_4096", [] { return kv_at(4096, 1, 2, false); }},
    {"kv_of_7b_at_32k", [] { return kv_at(32768, 8, 16, true); }},
    {"context_buys_layers", context_buys_layers},
    {"decode_independent_of_batch", decode_independent_of_batch},
    {"batch_512_is_adequate", batch_512_is_adequate},
    {"batch_2048_on_16_gib", batch_2048_on_16_gib},
    {"threads_beyond_cores_add_nothing", threads_beyond_cores_add_nothing},
    {"threads_matter_less_beside_a_gpu", threads_matter_less_beside_a_gpu},
    {"thirty_b_on_24_gib", thirty_b_on_24_gib},
    {"thirty_b_on_16_gb_unified", [] { return thirty_b_on_unified("Apple M1 Pro (16 GB)", false); }},
    {"thirty_b_on_48_gb_unified", [] { return thirty_b_on_unified("Apple M3 Max (48 GB)", true); }},
    {"reference_table", reference_table},
};

}  // namespace

std::vector<Claim> read_claims(std::string_view text, const std::string& origin) {
  const Json toml = parse_toml(text, origin);
  if (!toml.contains("claim")) throw Error(ErrorCode::kInvalidFile, origin + " has no [[claim]] tables");
  std::vector<Claim> all;
  for (const Json& table : toml["claim"]) {
    const CatalogRow row(table, origin);
    Claim claim{row.text("name"), row.text("quote"), row.text("check"), row.text("verdict"), row.text("physics")};
    row.check_all_used();
    if (claim.verdict != "holds" && claim.verdict != "holds only if" && claim.verdict != "contradicted") {
      throw Error(ErrorCode::kInvalidFile,
                  origin + " \"" + claim.name + "\": verdict is holds, holds only if or contradicted");
    }
    all.push_back(std::move(claim));
  }
  return all;
}

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all = read_claims(claims_text(), "catalog/claims.toml");
  return all;
}

ClaimResult check_claim(const Claim& claim) {
  for (const CheckRow& row : kChecks) {
    if (claim.check == row.name) return row.run();
  }
  throw Error(ErrorCode::kInvalidFile,
              "the claim \"" + claim.name + "\" has a check that does not exist: " + claim.check);
}

}  // namespace vivace
