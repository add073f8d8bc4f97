#include "cli/serve.h"

#include <chrono>
#include <thread>

#include "advise/answer_json.h"
#include "advise/local_machine.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/memory_reserve.h"
#include "catalog/model_catalog.h"
#include "chat/text_model.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/hardware_report.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/progress_bar.h"
#include "cli/seen_speeds.h"
#include "cli/text_format.h"
#include "cli/tuned.h"
#include "models/model_file.h"
#include "models/paper_card.h"
#include "server/api_error.h"
#include "server/server.h"

namespace vivace {
namespace {

constexpr std::string_view kListen = "Listen";
constexpr std::string_view kModels = "Models";
constexpr std::string_view kRequests = "Requests";

const OptionRow kRows[] = {
    {.name = "host",
     .type = OptionType::kString,
     .default_text = "127.0.0.1",
     .help = "Address to listen at; 0.0.0.0 lets other machines in",
     .group = kListen},
    {.name = "port",
     .type = OptionType::kInt,
     .default_text = "1234",
     .min = 0,
     .max = 65535,
     .help = "Port; 0 takes a free one and prints it",
     .group = kListen},
    {.name = "api-key",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Ask every request for this token (Authorization: Bearer …); may be repeated",
     .environment = "VIVACE_API_KEY",
     .group = kListen},
    {.name = "cors",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Let pages of other sites ask",
     .group = kListen},
    {.name = "tls-certificate",
     .type = OptionType::kString,
     .default_text = "",
     .help = "PEM file with the certificate chain: serve HTTPS",
     .group = kListen},
    {.name = "tls-key",
     .type = OptionType::kString,
     .default_text = "",
     .help = "PEM file with the certificate's private key",
     .group = kListen},
    {.name = "jit",
     .type = OptionType::kEnum,
     .default_text = "on",
     .choices = {"on", "off"},
     .help = "Load a model when a request names it",
     .group = kModels},
    {.name = "keep-chats",
     .type = OptionType::kEnum,
     .default_text = "on",
     .choices = {"on", "off"},
     .help = "Remember chats on disk for clients that go on with one by its id (store: false keeps one out); off: in "
             "memory",
     .group = kRequests},
    {.name = "ttl",
     .type = OptionType::kInt,
     .default_text = "3600",
     .min = 0,
     .max = 1e9,
     .help = "Seconds after which an idle model goes that a request has loaded; 0: never",
     .group = kModels},
    {.name = "auto-evict",
     .type = OptionType::kEnum,
     .default_text = "on",
     .choices = {"on", "off"},
     .help = "Unload idle models that requests have loaded before another is loaded so",
     .group = kModels},
    {.name = "turn-time",
     .type = OptionType::kInt,
     .default_text = "190",
     .min = 0,
     .max = 60000,
     .help = "Milliseconds that reading prompts may hold up running answers at a time; 0: any",
     .group = kRequests},
    {.name = "max-waiting",
     .type = OptionType::kInt,
     .default_text = "256",
     .min = 1,
     .max = 1 << 20,
     .help = "Requests that wait for a model; further ones are refused with 503",
     .group = kRequests},
};

HttpServerOptions http_options(const Arguments& arguments) {
  HttpServerOptions http;
  http.host = text_of(arguments, "host");
  http.port = static_cast<uint16_t>(arguments.integer("port").value_or(1234));
  http.certificate = text_of(arguments, "tls-certificate");
  http.private_key = text_of(arguments, "tls-key");
  http.server_name = std::string("vivace/") + VIVACE_VERSION;
  if (http.certificate.empty() != http.private_key.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--tls-certificate and --tls-key belong together");
  }
  return http;
}

ModelPoolOptions pool_options(const Arguments& arguments, Context& context) {
  constexpr int32_t kParallel = 8;
  ModelPoolOptions pool;
  pool.wishes = load_wishes(arguments);
  pool.wishes.automatic_parallel = kParallel;
  pool.engine.most_waiting = static_cast<int32_t>(arguments.integer("max-waiting").value_or(256));
  pool.engine.turn_seconds = static_cast<double>(arguments.integer("turn-time").value_or(190)) / 1000;
  pool.folders = usual_model_folders(app_paths(context.environment).models, context.environment.home);
  pool.reserve_memory = static_cast<size_t>(arguments.integer("reserve-memory").value_or(512 << 20));
  pool.just_in_time = text_of(arguments, "jit") != "off";
  pool.auto_evict = text_of(arguments, "auto-evict") != "off";
  pool.ttl = std::chrono::seconds(arguments.integer("ttl").value_or(3600));
  pool.chat_template = text_of(arguments, "chat-template");
  pool.settings = read_model_settings(app_paths(context.environment).config / "models.toml");
  pool.tune = [&context](const std::filesystem::path& file, Wishes& wishes) { take_tuned(file, context, wishes); };
  return pool;
}

Json hardware_of(const Environment& environment) {
  Json hardware = hardware_json(environment);
  std::vector<DeviceInfo> gpus;
  hardware["devices"] = devices_json(environment, false, gpus);
  return hardware;
}

/// What `vivace plan --json` prints, for a model on this machine.
Json planned(const LoadWish& wish, const ModelPoolOptions& pool, const Machine& machine, const HostFacts& host,
             const std::vector<ModelEntry>& models, Context& context) {
  ModelCard card;
  Wishes wishes = pool.wishes;
  ForecastOptions options;
  options.guesses = guessed_speeds(machine.devices(), host.physical_cores);
  if (const auto entry = find_model(models, wish.model)) {
    card = read_card_for_planning(open_model_header(entry->path));
    take_tuned(entry->path, context, wishes);
    options.correction = seen_correction(entry->path, context);
  } else if (const ModelShape* shape = find_model_shape(wish.model)) {
    card = shape_card(*shape, "Q4_K_M");
  } else {
    throw ApiError(404, "Model " + wish.model + " not found in downloaded models", "model", "model_not_found");
  }
  wish.apply(wishes);
  const PlanAnswer answer = answer_plan(card, machine.devices(), host, wishes, options);
  const bool measured = answer.forecast && answer.forecast->measured;
  return answer_json(card, answer, {wish.model, "this machine", measured ? "measured" : "estimate", machine.devices()});
}

/// Loads a model that the command line names, with a bar; Ctrl-C ends it.
void load_named(Server& server, const std::string& model, Context& context) {
  const std::filesystem::path path = locate_model(model, context);
  server.pool().add_file(path);
  LoadWish wish;
  wish.model = entry_of_file(path).key;
  ProgressBar bar(context.console, "loading " + wish.model);
  struct Outcome {
    std::mutex mutex;
    bool done = false;
    std::optional<Error> error;
    std::string id;
    double seconds = 0, share = 0;
  };
  const auto outcome = std::make_shared<Outcome>();
  server.pool().acquire(
      wish, true,
      [outcome](double share) {
        const std::lock_guard lock(outcome->mutex);
        outcome->share = share;
        return !interrupted();
      },
      [outcome](ModelLease lease, double seconds, const Error* error) {
        const std::lock_guard lock(outcome->mutex);
        outcome->done = true;
        outcome->seconds = seconds;
        if (error != nullptr) outcome->error = *error;
        if (lease) outcome->id = lease->id;
      });
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::lock_guard lock(outcome->mutex);
    bar.update(size_t(outcome->share * 1000), 1000);
    if (!outcome->done) continue;
    if (outcome->error) throw *outcome->error;
    context.console.err(outcome->id + " loaded in " + seconds_text(outcome->seconds) + "\n");
    return;
  }
}

void greet(const Server& server, const HttpServerOptions& http, Context& context) {
  const std::string scheme = http.certificate.empty() ? "http" : "https";
  const std::string host = http.host.find(':') == std::string::npos ? http.host : "[" + http.host + "]";
  const std::string address = scheme + "://" + host + ":" + std::to_string(server.port());
  context.console.out("listening on " + address + "\n");
  context.console.err(context.console.faint("OpenAI " + address + "/v1 · Ollama " + address + " · Anthropic " +
                                            address + " · LM Studio " + address + "/api/v1\nCtrl-C ends") +
                      "\n");
}

int run_serve(const Arguments& arguments, Context& context) {
  ServerOptions options;
  options.http = http_options(arguments);
  options.pool = pool_options(arguments, context);
  options.tokens = arguments.texts("api-key");
  if (options.tokens.empty() && !context.environment.api_key.empty()) options.tokens = {context.environment.api_key};
  options.cors = arguments.flag("cors");
  if (!context.environment.hub_endpoint.empty()) options.hub.endpoint = context.environment.hub_endpoint;
  options.hub.token = context.environment.hub_token;
  if (text_of(arguments, "keep-chats") != "off") options.chats = app_paths(context.environment).data;
  options.version = VIVACE_VERSION;
  install_memory_reserve();
  Machine machine(machine_options(arguments, context.environment));
  for (const std::string& note : machine.notes()) context.console.err("note: " + note + "\n");
  const HostFacts host = host_with_speeds(machine, context);
  options.hardware = [&context] { return hardware_of(context.environment); };
  Server* running = nullptr;
  options.planned = [&, pool = options.pool](const LoadWish& wish) {
    return planned(wish, pool, machine, host, running->pool().available(), context);
  };
  const HttpServerOptions http = options.http;
  Server server(machine, std::move(options), context.log);
  running = &server;
  for (const std::string& model : arguments.positionals("MODEL")) load_named(server, model, context);
  greet(server, http, context);
  while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  clear_interrupt();
  if (server.running_answers() > 0) {
    context.console.err("letting " + count_text(server.running_answers()) + " answers" +
                        " come to an end; Ctrl-C again breaks off\n");
  }
  for (int i = 0; i < 600 && server.running_answers() > 0 && !interrupted(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  server.stop(std::chrono::milliseconds(500));
  return kExitOk;
}

}  // namespace

CommandRow serve_command_row() {
  return {.name = "serve",
          .group = "Use a model",
          .summary = "Serve models to the clients of OpenAI, LM Studio, Anthropic and Ollama",
          .description =
              "Every model on this machine can be asked for by its name (GET /v1/models lists them), those that LM "
              "Studio, Ollama, llama.cpp and Hugging Face keep included; it is loaded with the first request. Models "
              "named here are loaded at once and stay. Settings of the load hold for all of them.",
          .positionals = {{"MODEL", false, "Models to load at the start", true}},
          .options = {kRows, template_options(), load_options()},
          .examples = {{"serve smollm2-135m-instruct", "the default model at http://127.0.0.1:1234"},
                       {"serve --host 0.0.0.0 --api-key secret", "for a team; models load when they are asked for"},
                       {"serve ./model.gguf --parallel 16 --context-length 8192", "sixteen at once"}},
          .run = run_serve};
}

}  // namespace vivace
