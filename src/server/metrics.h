// What the server counts, as Prometheus reads it.
#pragma once

#include <memory>
#include <string>

#include "engine/request.h"

namespace vivace {

class ModelPool;

class Metrics {
 public:
  Metrics();
  ~Metrics();

  /// One choice of an answer came to its end. `first_token_seconds`: from the request on, queue and load included.
  void answered(const std::string& model, const Finished& finished, double first_token_seconds);
  void failed(const Error& error);
  void responded(int status);

  /// The text of /metrics, with the state of the pool's models as it is now.
  std::string text(const ModelPool& pool);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vivace
