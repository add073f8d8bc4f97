// A running server as the command line finds it: its address, its token, its answers and refusals.
#pragma once

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "net/http_client.h"

namespace vivace {

inline constexpr const char* kDefaultServer = "http://127.0.0.1:1234";

/// VIVACE_SERVER, else the default: an address, or "none".
std::string usual_server(const Environment& environment);

/// A client with the user's token, which hangs up on Ctrl-C. Throws Error kInvalidArgument for what is no address.
HttpClient connect_server(const std::string& address, const Context& context);

/// The JSON of an answer. Throws Error with the server's own words where it refused, kIo for what is no JSON.
Json server_json(const HttpResponse& response, const std::string& address);

/// The Error that a status and {"error": {"message"}} mean.
Error server_error(int status, const Json& body);

}  // namespace vivace
