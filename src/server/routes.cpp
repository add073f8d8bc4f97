#include "server/routes.h"

#include "server/dialects/anthropic.h"
#include "server/dialects/lmstudio_common.h"
#include "server/dialects/ollama_common.h"
#include "server/dialects/openai_common.h"

namespace vivace {
namespace {

/// The star's text where the pattern fits.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with('*')) return pattern == path ? std::optional<std::string>("") : std::nullopt;
  pattern.remove_suffix(1);
  if (!path.starts_with(pattern) || path.size() == pattern.size()) return std::nullopt;
  return std::string(path.substr(pattern.size()));
}

}  // namespace

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (const auto list : {openai_routes(), openai_responses_routes(), anthropic_routes(), ollama_routes(),
                          lmstudio_routes(), lmstudio_v0_routes(), vivace_routes(), vivace_generate_routes()}) {
    routes.insert(routes.end(), list.begin(), list.end());
  }
  return routes;
}

FoundRoute find_route(const std::vector<Route>& routes, const std::string& method, const std::string& path) {
  const std::string wanted = method == "HEAD" ? "GET" : method;
  std::string plain = path;
  while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
  FoundRoute found;
  for (const Route& route : routes) {
    const auto rest = match(route.pattern, plain);
    if (!rest) continue;
    found.path_exists = true;
    if (route.method != wanted) continue;
    found.route = &route;
    found.rest = *rest;
    return found;
  }
  return found;
}

ErrorResponse errors_for(const std::string& path) {
  if (path.starts_with("/api/v1/")) return lmstudio_error;
  if (path.starts_with("/api/v0/")) return openai_error;
  if (path.starts_with("/api/")) return ollama_error;
  if (path.starts_with("/v1/messages")) return anthropic_error;
  return openai_error;
}

}  // namespace vivace
