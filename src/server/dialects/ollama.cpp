// Ollama's API: lists of models, and where its other endpoints are.
#include <mutex>

#include "base/date.h"
#include "base/fnv_hash.h"
#include "server/api_error.h"
#include "server/dialects/ollama_common.h"
#include "server/embedding_input.h"

namespace vivace {
namespace {

Json details_json(const ModelDetail& detail) {
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", detail.architecture},
          {"families", Json::array({detail.architecture})},
          {"parameter_size", parameters_text(detail.parameters)},
          {"quantization_level", detail.quantisation}};
}

/// Tells files apart; reading them whole for a checksum would take minutes.
std::string digest_of(const ModelEntry& entry, const ModelDetail& detail) {
  const std::string what = entry.path.string() + std::to_string(entry.bytes) + std::to_string(detail.modified);
  std::string digest;
  for (int part = 0; part < 4; ++part) {
    char word[17];
    const std::string text = what + std::to_string(part);
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    std::snprintf(word, sizeof word, "%016llx", static_cast<unsigned long long>(fnv_hash(bytes)));
    digest += word;
  }
  return digest;
}

ModelEntry entry_named(ServerParts& parts, const std::string& name) {
  const auto entry = find_model(parts.pool.available(), name);
  if (!entry) throw ApiError(404, "model '" + name + "' not found", "model", "model_not_found");
  return *entry;
}

void tags(ServerParts& parts, Exchange exchange, const std::string&) {
  Json list = Json::array();
  for (const ModelEntry& entry : parts.pool.available()) {
    const ModelDetail detail = parts.details.of(entry);
    list.push_back({{"name", entry.key},
                    {"model", entry.key},
                    {"modified_at", date_text(detail.modified)},
                    {"size", entry.bytes},
                    {"digest", digest_of(entry, detail)},
                    {"details", details_json(detail)}});
  }
  exchange->respond(json_response({{"models", std::move(list)}}));
}

void show(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  const auto name = fields.text("model");
  const ModelEntry entry = entry_named(parts, name ? *name : fields.required_text("name"));
  const ModelDetail detail = parts.details.of(entry);
  Json capabilities = {"completion"};
  if (detail.tools) capabilities.push_back("tools");
  if (detail.reasoning) capabilities.push_back("thinking");
  exchange->respond(json_response({{"modelfile", "FROM " + entry.path.string()},
                                   {"parameters", ""},
                                   {"template", detail.chat_template},
                                   {"details", details_json(detail)},
                                   {"model_info",
                                    {{"general.architecture", detail.architecture},
                                     {"general.name", detail.name},
                                     {"general.parameter_count", detail.parameters},
                                     {detail.architecture + ".context_length", detail.context_length},
                                     {detail.architecture + ".embedding_length", detail.embedding}}},
                                   {"capabilities", std::move(capabilities)},
                                   {"modified_at", date_text(detail.modified)}}));
}

void ps(ServerParts& parts, Exchange exchange, const std::string&) {
  Json list = Json::array();
  for (const auto& model : parts.pool.loaded()) {
    const ModelDetail detail = parts.details.of(model->entry);
    size_t all = 0, on_gpus = 0;
    for (size_t d = 0; d < model->plan().ledgers.size(); ++d) {
      const size_t bytes = model->plan().ledgers[d].total();
      all += bytes;
      if (model->source->devices()[d]->info().kind != DeviceKind::kCpu) on_gpus += bytes;
    }
    const double left = model->ttl ? double(model->ttl->count()) - (model->uses > 0 ? 0 : model->idle_seconds()) : 1e9;
    list.push_back({{"name", model->entry.key},
                    {"model", model->entry.key},
                    {"size", all},
                    {"digest", digest_of(model->entry, detail)},
                    {"details", details_json(detail)},
                    {"expires_at", date_text(seconds_since_1970() + int64_t(left))},
                    {"size_vram", on_gpus},
                    {"context_length", model->plan().context_length}});
  }
  exchange->respond(json_response({{"models", std::move(list)}}));
}

/// Tells how far a download is, line by line, or once at its end.
class PullTeller {
 public:
  PullTeller(Exchange exchange, bool stream) : exchange_(std::move(exchange)), stream_(stream) {
    if (!stream_) return;
    HttpResponse head;
    head.headers = {{"Content-Type", "application/x-ndjson"}};
    head.body = dump_json({{"status", "pulling manifest"}}) + "\n";
    exchange_->start(std::move(head), "");
  }

  void tell(const DownloadState& state) {
    const std::lock_guard lock(mutex_);
    const bool running = state.status == DownloadState::Status::kDownloading;
    if (ended_ || (running && !stream_)) return;
    ended_ = !running;
    const bool failed = state.status == DownloadState::Status::kFailed;
    if (!stream_) {
      return exchange_->respond(failed ? ollama_error(Error(ErrorCode::kIo, state.error))
                                       : json_response({{"status", "success"}}));
    }
    line(
        {{"status", "pulling " + state.job}, {"digest", state.job}, {"total", state.total}, {"completed", state.done}});
    if (running) return;
    line(failed ? Json{{"error", state.error}} : Json{{"status", "success"}});
    exchange_->finish();
  }

 private:
  void line(const Json& json) { exchange_->write(dump_json(json) + "\n"); }

  const Exchange exchange_;
  const bool stream_;
  std::mutex mutex_;
  bool ended_ = false;
};

void pull(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  const auto model = fields.text("model");
  const std::string name = model ? *model : fields.required_text("name");
  const bool stream = fields.flag("stream").value_or(true);
  const Json success = {{"status", "success"}};
  if (find_model(parts.pool.available(), name)) {
    HttpResponse there = json_response(success);
    if (stream) there.headers = {{"Content-Type", "application/x-ndjson"}};
    there.body += "\n";
    return exchange->respond(std::move(there));
  }
  if (name.find('/') == std::string::npos) {
    throw ApiError(404,
                   "pull model manifest: '" + name +
                       "' is not on this machine; this server pulls from the hub of Hugging "
                       "Face: name a model as hf.co/OWNER/REPO:QUANTISATION",
                   "model", "model_not_found");
  }
  const DownloadState state = parts.downloads.start(name, "");
  if (state.status == DownloadState::Status::kThere) return exchange->respond(json_response(success));
  const auto teller = std::make_shared<PullTeller>(std::move(exchange), stream);
  parts.downloads.follow(state.job, [teller](const DownloadState& now) { teller->tell(now); });
}

/// Only files in our own folder go: others belong to other programs.
void remove(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  const auto model = fields.text("model");
  const ModelEntry entry = entry_named(parts, model ? *model : fields.required_text("name"));
  for (const auto& loaded : parts.pool.loaded()) {
    if (loaded->entry.path == entry.path) parts.pool.unload(loaded->id);
  }
  remove_model(entry);
  exchange->respond(json_response(Json::object()));
}

void version(ServerParts& parts, Exchange exchange, const std::string&) {
  exchange->respond(json_response({{"version", parts.version}}));
}

void running(ServerParts&, Exchange exchange, const std::string&) {
  HttpResponse response;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  response.body = "Ollama is running";  // what its clients look for
  exchange->respond(std::move(response));
}

AnswerService::EmbeddingRequest embedding_request(JsonFields& fields, std::string_view input) {
  AnswerService::EmbeddingRequest request;
  request.load.model = fields.required_text("model");
  read_embedding_input(fields, input, request);
  read_pooling(fields, request);
  request.truncate = fields.flag("truncate").value_or(true);
  return request;
}

void embed(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  auto request = embedding_request(fields, "input");
  const auto told = [model = request.load.model](const AnswerService::Embeddings& found) {
    return json_response({{"model", model},
                          {"embeddings", found.vectors},
                          {"load_duration", int64_t(found.load_seconds * 1e9)},
                          {"prompt_eval_count", found.prompt_tokens}});
  };
  parts.answers.embed(std::move(exchange), std::move(request), ollama_error, told);
}

/// The older endpoint, for one prompt.
void embed_one(ServerParts& parts, Exchange exchange, const std::string&) {
  const Json body = parse_body(exchange->request().body);
  JsonFields fields(body);
  auto request = embedding_request(fields, "prompt");
  const auto told = [](const AnswerService::Embeddings& found) {
    return json_response({{"embedding", found.vectors.front()}});
  };
  parts.answers.embed(std::move(exchange), std::move(request), ollama_error, told);
}

const Route kRoutes[] = {
    {"POST", "/api/chat", ollama_chat, ollama_error, "Answer a chat (Ollama); streams JSON lines"},
    {"POST", "/api/generate", ollama_generate, ollama_error, "Answer a prompt; streams JSON lines"},
    {"POST", "/api/embed", embed, ollama_error, "Embeddings by the loaded model"},
    {"POST", "/api/embeddings", embed_one, ollama_error, "The same for one prompt (older)"},
    {"GET", "/api/tags", tags, ollama_error, "Models on this machine"},
    {"POST", "/api/show", show, ollama_error, "One model"},
    {"POST", "/api/pull", pull, ollama_error, "Fetch a model from the hub; streams JSON lines"},
    {"DELETE", "/api/delete", remove, ollama_error, "Remove a model that Vivace keeps"},
    {"GET", "/api/ps", ps, ollama_error, "Models that are loaded"},
    {"GET", "/api/version", version, ollama_error, "The server's version"},
    {"GET", "/", running, ollama_error, "How Ollama's clients find a server"},
};

}  // namespace

HttpResponse ollama_error(const Error& error) {
  const ApiFailure failure = api_failure(error);
  return json_response({{"error", failure.message}}, failure.status);
}

std::span<const Route> ollama_routes() { return kRoutes; }

}  // namespace vivace
