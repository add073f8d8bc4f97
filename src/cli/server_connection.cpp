#include "cli/server_connection.h"

#include "cli/interrupt.h"

namespace vivace {
namespace {

ErrorCode code_of_status(int status) {
  switch (status) {
    case 400:
      return ErrorCode::kInvalidArgument;
    case 404:
      return ErrorCode::kNotFound;
    case 499:
      return ErrorCode::kCancelled;
    case 503:
      return ErrorCode::kOverloaded;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string usual_server(const Environment& environment) {
  const std::string& ours = environment.server;
  return ours.empty() || ours == "auto" ? kDefaultServer : ours;
}

HttpClient connect_server(const std::string& address, const Context& context) {
  HttpClientOptions options;
  options.token = context.environment.api_key;
  options.go_on = [] { return !interrupted(); };
  return HttpClient(parse_http_address(address), std::move(options));
}

Json server_json(const HttpResponse& response, const std::string& address) {
  Json json;
  try {
    json = parse_json(response.body);
  } catch (const Error&) {
    throw Error(ErrorCode::kIo, "what answers at " + address + " is no Vivace");
  }
  if (response.status != 200) throw server_error(response.status, json);
  return json;
}

Error server_error(int status, const Json& body) {
  const auto error = body.is_object() ? body.find("error") : body.end();
  const bool has_words = error != body.end() && error->is_object() && error->contains("message");
  std::string message = has_words && error->at("message").is_string() ? error->at("message").get<std::string>() : "";
  if (message.empty()) message = "the server refused (status " + std::to_string(status) + "): " + dump_json(body);
  const std::string hint = status == 401 ? "VIVACE_API_KEY holds the token that is sent" : "";
  return Error(code_of_status(status), message, hint);
}

}  // namespace vivace
