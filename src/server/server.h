// The server: HTTP, routes, models, answers.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "engine/machine.h"
#include "net/http_server.h"
#include "net/model_hub.h"
#include "server/model_pool.h"

namespace vivace {

struct ServerOptions {
  HttpServerOptions http;
  ModelPoolOptions pool;
  std::vector<std::string> tokens;  // any of them is asked for with every request; empty: none is
  HubOptions hub;                   // where downloads come from
  bool cors = false;                // pages of other sites may ask
  std::filesystem::path chats;      // folder of the database that remembers chats; "": memory alone does
  std::string version;
  std::function<Json()> hardware;                     // for /api/v1/hardware
  std::function<Json(const LoadWish& wish)> planned;  // for /api/v1/plan
};

class Server {
 public:
  /// Listens. The machine must outlive the server. Throws as HttpServer does.
  Server(Machine& machine, ServerOptions options, Logger log);
  ~Server();

  uint16_t port() const;
  ModelPool& pool();
  size_t running_answers() const;
  /// Ends: what runs may come to its end for so long.
  void stop(std::chrono::milliseconds patience);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vivace
