// Which function answers which path: the dialects' lists, in one table.
#pragma once

#include <string>
#include <vector>

#include "server/dialect.h"

namespace vivace {

std::vector<Route> all_routes();

struct FoundRoute {
  const Route* route = nullptr;
  std::string rest;          // what the pattern's star stands for
  bool path_exists = false;  // with another method
};

/// HEAD is answered as GET.
FoundRoute find_route(const std::vector<Route>& routes, const std::string& method, const std::string& path);

/// The shape of errors for a path that has no route: by its beginning.
ErrorResponse errors_for(const std::string& path);

}  // namespace vivace
