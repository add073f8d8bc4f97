#include "cli/bench_server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/measurement.h"
#include "cli/text_format.h"
#include "net/event_lines.h"
#include "net/http_client.h"

namespace vivace {
namespace {

constexpr std::string_view kGroup = "Server";
using Clock = std::chrono::steady_clock;

const OptionRow kRows[] = {
    {.name = "server",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Drive the server at this address instead (http://127.0.0.1:1234); MODEL is its name there",
     .group = kGroup},
    {.name = "clients",
     .type = OptionType::kInt,
     .default_text = "16",
     .min = 1,
     .max = 1024,
     .help = "With --server: clients at once, each asking again when it is answered",
     .group = kGroup},
    {.name = "requests",
     .type = OptionType::kInt,
     .default_text = "3",
     .min = 1,
     .max = 100000,
     .help = "With --server: requests of each client",
     .group = kGroup},
    {.name = "rate",
     .type = OptionType::kFloat,
     .default_text = "0",
     .min = 0,
     .max = 100000,
     .help = "With --server: requests per second that arrive whatever is still running (open loop); 0: closed loop",
     .group = kGroup},
    {.name = "same-prompt",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "With --server: every request has the same prompt; else each its own",
     .group = kGroup},
};

/// What became of one request; times in seconds from its sending.
struct Measured {
  bool failed = false;
  std::string error;
  double first = 0, whole = 0;
  std::vector<double> gaps;  // between two parts of the answer
  int64_t prompt_tokens = 0, generated = 0;
};

struct Load {
  HttpAddress address;
  std::string model;
  int32_t prompt = 0, generate = 0;
  bool same_prompt = false;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// About as many tokens as words: short and common ones.
std::string prompt_text(int32_t words, uint64_t seed) {
  constexpr const char* kWords[] = {"the",  "of",  "and", "to",   "in",  "is",   "that",  "it",   "was",  "for",
                                    "on",   "are", "as",  "with", "his", "they", "at",    "be",   "this", "from",
                                    "have", "or",  "by",  "one",  "had", "not",  "but",   "what", "all",  "were",
                                    "when", "we",  "can", "said", "use", "each", "which", "she",  "how",  "their"};
  std::mt19937_64 random(seed);
  std::string text;
  for (int32_t i = 0; i < words; ++i) text += (i > 0 ? " " : "") + std::string(kWords[random() % std::size(kWords)]);
  return text;
}

/// Takes the lines of a stream apart; what one says goes to `measured`.
class StreamReader {
 public:
  StreamReader(Measured& measured, Clock::time_point begin) : measured_(measured), begin_(begin) {}

  bool take(std::string_view part) {
    lines_.push(part, [this](const std::string& data) {
      if (data.starts_with('{')) take_json(data);  // the last one is [DONE]
    });
    return !interrupted();
  }

 private:
  void take_json(const std::string& text) {
    const Json json = parse_json(text);
    if (const auto usage = json.find("usage"); usage != json.end() && usage->is_object()) {
      measured_.prompt_tokens = usage->value("prompt_tokens", int64_t{0});
      measured_.generated = usage->value("completion_tokens", int64_t{0});
    }
    if (json.contains("error")) {
      measured_.failed = true;
      measured_.error = dump_json(json.at("error"));
    }
    const auto choices = json.find("choices");
    if (choices == json.end() || choices->empty() || choices->at(0).value("text", "").empty()) return;
    const double now = seconds_since(begin_);
    if (measured_.first == 0) {
      measured_.first = now;
    } else {
      measured_.gaps.push_back(now - last_);
    }
    last_ = now;
  }

  Measured& measured_;
  const Clock::time_point begin_;
  double last_ = 0;
  EventLines lines_;
};

Measured one_request(HttpClient& client, const Load& load, uint64_t seed) {
  Measured measured;
  Json body = {{"prompt", prompt_text(load.prompt, load.same_prompt ? 1 : seed)},
               {"max_tokens", load.generate},
               {"temperature", 0},
               {"ignore_eos", true},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}}};
  if (!load.model.empty()) body["model"] = load.model;
  const Clock::time_point begin = Clock::now();
  StreamReader reader(measured, begin);
  const HttpResponse response = client.stream("POST", "/v1/completions", dump_json(body),
                                              [&](std::string_view part) { return reader.take(part); });
  measured.whole = seconds_since(begin);
  if (response.status != 200) {
    measured.failed = true;
    measured.error = std::to_string(response.status) + " " + response.body.substr(0, 200);
  }
  return measured;
}

/// The clients, until all requests are answered; the requests, and how long it all took.
std::pair<std::vector<Measured>, double> run_load(const Load& load, int32_t clients, int32_t requests, double rate) {
  std::vector<Measured> all;
  std::mutex mutex;
  std::atomic<int32_t> next{0};
  const int32_t total = clients * requests;
  const Clock::time_point begin = Clock::now();
  const auto work = [&] {
    HttpClient client(load.address);
    for (int32_t i; (i = next++) < total && !interrupted();) {
      if (rate > 0)
        std::this_thread::sleep_until(
            begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(i / rate)));
      Measured measured;
      try {
        measured = one_request(client, load, 1000 + uint64_t(i));
      } catch (const Error& error) {
        measured.failed = true;
        measured.error = error.what();
      }
      const std::lock_guard lock(mutex);
      all.push_back(std::move(measured));
    }
  };
  std::vector<std::thread> threads;
  for (int32_t t = 0; t < clients; ++t) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return {std::move(all), seconds_since(begin)};
}

Json result_json(const std::vector<Measured>& all, double wall) {
  std::vector<double> first, gaps;
  int64_t prompt = 0, generated = 0, failed = 0;
  std::string error;
  for (const Measured& one : all) {
    if (one.failed) {
      ++failed;
      error = one.error;
      continue;
    }
    first.push_back(one.first);
    gaps.insert(gaps.end(), one.gaps.begin(), one.gaps.end());
    prompt += one.prompt_tokens;
    generated += one.generated;
  }
  Json json = {{"requests", all.size()},
               {"failed", failed},
               {"seconds", wall},
               {"prompt_tokens", prompt},
               {"generated_tokens", generated},
               {"generated_tokens_per_second", double(generated) / wall},
               {"tokens_per_second", double(prompt + generated) / wall},
               {"time_to_first_token_seconds", spread_json(spread_of(first))},
               {"gap_seconds", spread_json(spread_of(gaps))}};
  if (failed > 0) json["error"] = error;
  return json;
}

std::string result_text(const Json& json) {
  using Align = TextTable::Align;
  TextTable table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.add({"", "median", "95 %", "99 %", "longest"});
  const auto row = [&](const char* label, const char* field) {
    const Json& spread = json.at(field);
    const auto text = [&](const char* part) { return seconds_text(spread.at(part).get<double>()); };
    table.add({label, text("p50"), text("p95"), text("p99"), text("max")});
  };
  row("first token", "time_to_first_token_seconds");
  row("between tokens", "gap_seconds");
  std::string text = table.text() + "\n";
  text += fixed_text(json.at("generated_tokens_per_second").get<double>(), 1) + " tokens/s generated by all clients, " +
          fixed_text(json.at("tokens_per_second").get<double>(), 1) + " with the prompts, in " +
          seconds_text(json.at("seconds").get<double>()) + "\n";
  if (json.at("failed") != 0) {
    text += std::to_string(json.at("failed").get<int64_t>()) + " of " +
            std::to_string(json.at("requests").get<int64_t>()) + " requests failed: " + json.value("error", "") + "\n";
  }
  return text;
}

}  // namespace

std::span<const OptionRow> bench_server_options() { return kRows; }

int run_bench_server(const Arguments& arguments, Context& context) {
  Load load;
  load.address = parse_http_address(arguments.text("server").value_or(""));
  if (load.address.path == "/v1") load.address.path.clear();
  if (const std::string* model = arguments.positional("MODEL")) load.model = *model;
  load.prompt = static_cast<int32_t>(arguments.integer("prompt").value_or(512));
  load.generate = static_cast<int32_t>(arguments.integer("generate").value_or(64));
  load.same_prompt = arguments.flag("same-prompt");
  const auto clients = static_cast<int32_t>(arguments.integer("clients").value_or(16));
  const auto requests = static_cast<int32_t>(arguments.integer("requests").value_or(3));
  const double rate = arguments.number("rate").value_or(0);
  {
    HttpClient client(load.address);
    one_request(client, {load.address, load.model, 4, 2, true}, 0);  // loads the model; who isn't there is told now
  }
  const auto [all, wall] = run_load(load, clients, requests, rate);
  throw_if_interrupted();
  const Json json = result_json(all, wall);
  const bool wants_json = arguments.flag("json") || arguments.text("format").value_or("table") == "json";
  context.console.out(wants_json ? dump_json(json, 2) + "\n" : result_text(json));
  return json.at("failed") == 0 ? kExitOk : kExitFailure;
}

}  // namespace vivace
