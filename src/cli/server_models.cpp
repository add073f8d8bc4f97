// vivace ps, load, unload: the models of a running server, asked over its API.
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/model_commands.h"
#include "cli/server_connection.h"
#include "cli/text_format.h"

namespace vivace {
namespace {

const OptionRow kServerRows[] = {
    {.name = "server",
     .type = OptionType::kString,
     .default_text = kDefaultServer,
     .help = "Address of the server",
     .environment = "VIVACE_SERVER",
     .group = "Server"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "The server's JSON",
     .group = "Server"},
};

const OptionRow kLoadRows[] = {
    {.name = "context-length",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1 << 24,
     .help = "Tokens of prompt and answer together",
     .group = "Model"},
    {.name = "parallel",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1024,
     .help = "Answers at once",
     .group = "Model"},
    {.name = "ttl",
     .type = OptionType::kInt,
     .default_text = "auto",
     .min = 1,
     .max = 1e9,
     .help = "Seconds of idleness after which it goes; auto: never",
     .group = "Model"},
};

std::string server_of(const Arguments& arguments, const Context& context) {
  std::string usual = usual_server(context.environment);
  if (arguments.given("server") || usual == "none") return arguments.text("server").value_or(kDefaultServer);
  return usual;
}

/// The answer's JSON. Throws Error with the server's own words where it refuses.
Json ask(const Arguments& arguments, const Context& context, const char* method, const char* path, const Json& body) {
  const std::string address = server_of(arguments, context);
  HttpClient client = connect_server(address, context);
  return server_json(client.request(method, path, body.is_null() ? "" : dump_json(body)), address);
}

int run_ps(const Arguments& arguments, Context& context) {
  const Json answer = ask(arguments, context, "GET", "/api/v1/models", nullptr);
  Json loaded = Json::array();
  using Align = TextTable::Align;
  TextTable table({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.add({"instance", "model", "size", "context", "parallel"});
  for (const Json& model : answer.at("models")) {
    for (const Json& instance : model.at("loaded_instances")) {
      const Json& config = instance.at("config");
      loaded.push_back({{"instance", instance.at("id")},
                        {"model", model.at("key")},
                        {"bytes", model.at("size_bytes")},
                        {"config", config}});
      table.add({instance.at("id").get<std::string>(), model.at("key").get<std::string>(),
                 bytes_text(model.at("size_bytes").get<uint64_t>()),
                 std::to_string(config.at("context_length").get<int>()),
                 std::to_string(config.at("parallel").get<int>())});
    }
  }
  if (arguments.flag("json")) {
    context.console.out(dump_json(loaded, 2) + "\n");
  } else {
    context.console.out(loaded.empty() ? "no models are loaded\n" : table.text());
  }
  return kExitOk;
}

int run_load(const Arguments& arguments, Context& context) {
  Json body = {{"model", *arguments.positional("MODEL")}};
  for (const auto& [option, field] :
       {std::pair("context-length", "context_length"), std::pair("parallel", "parallel"), std::pair("ttl", "ttl")}) {
    if (const auto value = arguments.integer(option)) body[field] = *value;
  }
  const Json answer = ask(arguments, context, "POST", "/api/v1/models/load", body);
  if (arguments.flag("json")) {
    context.console.out(dump_json(answer, 2) + "\n");
  } else {
    context.console.out(answer.at("instance_id").get<std::string>() + " loaded in " +
                        seconds_text(answer.at("load_time_seconds").get<double>()) + "\n");
  }
  return kExitOk;
}

int run_unload(const Arguments& arguments, Context& context) {
  const Json answer =
      ask(arguments, context, "POST", "/api/v1/models/unload", {{"instance_id", *arguments.positional("INSTANCE")}});
  context.console.out(arguments.flag("json") ? dump_json(answer, 2) + "\n"
                                             : answer.at("instance_id").get<std::string>() + " unloaded\n");
  return kExitOk;
}

}  // namespace

CommandRow ps_command_row() {
  return {.name = "ps",
          .group = "Use a model",
          .summary = "List the models that a running server has loaded",
          .description = "",
          .positionals = {},
          .options = {kServerRows},
          .examples = {{"ps", "of the server on this machine"}},
          .run = run_ps};
}

CommandRow load_command_row() {
  return {.name = "load",
          .group = "Use a model",
          .summary = "Load a model into a running server, to stay",
          .description = "",
          .positionals = {{"MODEL", true, "A name that vivace ls lists"}},
          .options = {kServerRows, kLoadRows},
          .examples = {{"load smollm2-135m-instruct --context-length 8192", "with a setting of its own"}},
          .run = run_load};
}

CommandRow unload_command_row() {
  return {.name = "unload",
          .group = "Use a model",
          .summary = "Unload a model from a running server, when its answers have ended",
          .description = "",
          .positionals = {{"INSTANCE", true, "A name that vivace ps lists"}},
          .options = {kServerRows},
          .examples = {{"unload smollm2-135m-instruct", "frees its memory"}},
          .run = run_unload};
}

}  // namespace vivace
