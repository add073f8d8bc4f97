// Embeddings: prompts whose hidden states are pooled by the loaded model.
#include "server/answer_service.h"
#include "server/api_error.h"

namespace vivace {

/// The prompts of one request, which come back one by one. Its steps run on the server's thread.
struct RunningEmbedding : std::enable_shared_from_this<RunningEmbedding> {
  AnswerService* service = nullptr;
  std::shared_ptr<HttpExchange> exchange;
  AnswerService::EmbeddingRequest wish;
  ErrorResponse error_response = nullptr;
  std::function<HttpResponse(const AnswerService::Embeddings&)> told;
  AnswerService::Embeddings result;
  ModelLease lease;
  size_t open = 0;
  bool ended = false;
  bool cancelled = false;
  std::vector<RequestId> ids;

  void begin();

  void end() {
    ended = true;
    lease = {};
    service->forget(shared_from_this());
  }

  void fail(const Error& error) {
    if (ended) return;
    try {
      exchange->respond(error_response(error));
    } catch (const std::bad_alloc&) {  // an exchange without a response answers for itself when it goes
    }
    cancel();
    end();
  }

  void cancel() {
    cancelled = true;
    for (RequestId id : ids) with_memory([&] { lease->engine->cancel(id); });
    ids.clear();
  }

  void take(size_t index, const Event& event) {
    if (ended) return;
    if (const auto* failed = std::get_if<Failed>(&event)) return fail(failed->error);
    const auto* finished = std::get_if<Finished>(&event);
    if (finished == nullptr) return;
    if (finished->reason == FinishReason::kCancelled) return fail(Error(ErrorCode::kCancelled, "cancelled"));
    result.vectors[index] = finished->embedding;
    result.prompt_tokens += finished->usage.prompt_tokens;
    if (--open > 0) return;
    exchange->respond(told(result));
    end();
  }

  void submit(std::vector<Request> prompts) {
    if (ended || cancelled) return end();
    result.model = lease->id;
    result.vectors.resize(prompts.size());
    open = prompts.size();
    ids.reserve(open);
    for (size_t i = 0; i < prompts.size(); ++i) {
      const EventSink sink = AnswerService::events(service->post_, weak_from_this(), i);
      ids.push_back(lease->engine->submit(std::move(prompts[i]), sink));
    }
  }

  void loaded(ModelLease model, double seconds) {
    lease = std::move(model);
    result.load_seconds = seconds;
    service->workers_.post([self = shared_from_this()] { self->prepare(); });
  }

  void prepare();

  template <class Step>
  void later(const Step& step) {
    AnswerService::later(service->post_, weak_from_this(), step);
  }

  void fail_later(const Error& error) { AnswerService::fail_later(service->post_, weak_from_this(), error); }
};

namespace {

/// On a worker. Throws Error.
std::vector<Request> prompts_of(const RunningEmbedding& embedding) {
  const ServedModel& model = *embedding.lease;
  std::vector<Request> requests;
  const auto add = [&](std::vector<TokenId> tokens) {
    const auto most = size_t(model.plan().context_length);
    if (tokens.size() > most && embedding.wish.truncate) tokens.resize(most);
    Request request;
    request.prompt = std::move(tokens);
    request.pooling = embedding.wish.pooling;
    requests.push_back(std::move(request));
  };
  for (const std::string& text : embedding.wish.texts) {
    add(model.chat.tokenizer->encode(text, {.add_special = true, .parse_special = false}));
  }
  for (const auto& tokens : embedding.wish.tokens) add(tokens);
  for (const Request& request : requests) {
    if (request.prompt.empty()) throw ApiError(400, "an input is empty", "input", "invalid_value");
  }
  return requests;
}

}  // namespace

void RunningEmbedding::prepare() {
  try {
    const auto prompts = std::make_shared<std::vector<Request>>(prompts_of(*this));
    later([prompts](RunningEmbedding& self) { self.submit(std::move(*prompts)); });
  } catch (const std::exception&) {
    with_memory([&] { fail_later(caught_error()); });
  }
}

void RunningEmbedding::begin() {
  exchange->on_close([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
  service->pool_.acquire(
      wish.load, false, {}, [self = shared_from_this()](ModelLease model, double seconds, const Error* error) {
        if (error != nullptr) return self->fail_later(*error);
        self->later([seconds, m = std::make_shared<ModelLease>(std::move(model))](RunningEmbedding& alive) {
          alive.loaded(std::move(*m), seconds);
        });
      });
}

void AnswerService::embed(std::shared_ptr<HttpExchange> exchange, EmbeddingRequest request,
                          ErrorResponse error_response, std::function<HttpResponse(const Embeddings&)> told) {
  const auto embedding = std::make_shared<RunningEmbedding>();
  embedding->service = this;
  embedding->exchange = std::move(exchange);
  embedding->wish = std::move(request);
  embedding->error_response = error_response;
  embedding->told = std::move(told);
  begin(embedding);
}

}  // namespace vivace
