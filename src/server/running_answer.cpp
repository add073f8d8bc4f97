#include "server/running_answer.h"

#include <algorithm>
#include <random>

#include "base/date.h"
#include "chat/chat_prompt.h"
#include "server/api_error.h"
#include "server/dialect.h"
#include "server/random_id.h"

namespace vivace {
namespace {

/// Room that a cut chat leaves for the answer, in tokens.
int32_t answer_room(const Request& request, int32_t context) {
  const int32_t usual = std::max(1, context / 4);
  return request.max_tokens > 0 ? std::min(request.max_tokens, std::max(1, context / 2)) : usual;
}

std::vector<std::string> tool_names(const Json& tools) {
  std::vector<std::string> names;
  if (!tools.is_array()) return names;
  for (const Json& tool : tools) {
    const auto function = tool.find("function");
    if (function != tool.end() && function->is_object()) names.push_back(function->value("name", ""));
  }
  return names;
}

LeaveOut leave_out_of(OverflowPolicy policy) {
  if (policy == OverflowPolicy::kTruncateMiddle) return LeaveOut::kMiddle;
  return policy == OverflowPolicy::kRollingWindow ? LeaveOut::kOldest : LeaveOut::kNothing;
}

}  // namespace

int32_t Answer::generated_tokens() const {
  int32_t sum = 0;
  for (const AnswerChoice& choice : choices) sum += choice.finished ? choice.finished->usage.generated_tokens : 0;
  return sum;
}

RunningAnswer::RunningAnswer(AnswerService& service, std::shared_ptr<HttpExchange> exchange, AnswerRequest request,
                             std::unique_ptr<AnswerWriter> writer, bool stream, ErrorResponse error_response,
                             std::function<void(const Answer&)> finished)
    : service_(service),
      exchange_(std::move(exchange)),
      wish_(std::move(request)),
      writer_(std::move(writer)),
      stream_(stream),
      error_response_(error_response),
      finished_(std::move(finished)) {
  answer_.id = random_id();
  answer_.created = seconds_since_1970();
  answer_.model = answer_.instance = wish_.load.model;
  answer_.choices.resize(size_t(wish_.choices));
}

void RunningAnswer::begin() {
  const std::weak_ptr<RunningAnswer> weak = weak_from_this();
  exchange_->on_close([weak] {
    if (const auto self = weak.lock()) self->cancel();
  });
  const auto progress = [weak](double share) {
    const auto self = weak.lock();
    if (!self || self->cancelled_) return false;
    if (self->stream_ && self->writer_->tells_progress()) {
      self->later([share](RunningAnswer& alive) {
        if (alive.ended_) return;
        alive.open_stream();
        alive.tell(alive.writer_->loading(alive.answer_, share));
      });
    }
    return true;
  };
  service_.pool_.acquire(wish_.load, false, progress,
                         [self = shared_from_this()](ModelLease lease, double seconds, const Error* error) {
                           self->loaded(std::move(lease), seconds, error);
                         });
}

void RunningAnswer::loaded(ModelLease lease, double seconds, const Error* error) {
  if (error != nullptr) return fail_later(*error);
  later([l = std::make_shared<ModelLease>(std::move(lease)), seconds](RunningAnswer& self) {
    self.use(std::move(*l), seconds);
  });
}

void RunningAnswer::use(ModelLease lease, double seconds) {
  lease_ = std::move(lease);
  answer_.instance = lease_->id;
  const ModelCard& card = lease_->source->card();
  answer_.tokenizer = lease_->chat.tokenizer.get();
  answer_.architecture = card.architecture;
  answer_.quantisation = card.file_type;
  answer_.context_length = lease_->plan().context_length;
  if (answer_.model.empty()) answer_.model = lease_->id;
  answer_.load_seconds = seconds;
  if (stream_ && writer_->tells_progress()) {
    open_stream();
    tell(writer_->loading(answer_, 1));
  }
  service_.workers_.post([self = shared_from_this()] { self->prepare(); });
}

/// On a worker: whatever is wrong with the request comes out here.
void RunningAnswer::prepare() {
  try {
    make_prompt();
    later([](RunningAnswer& self) { self.submit(); });
  } catch (const std::exception&) {
    with_memory([&] { fail_later(caught_error()); });
  }
}

void RunningAnswer::make_prompt() {
  const ServedModel& model = *lease_;
  const int32_t context = model.plan().context_length;
  Request& request = wish_.request;
  request.shown = wish_.messages.is_null() ? std::vector<TokenId>() : model.shown;
  if (wish_.messages.is_null()) {
    request.prompt = wish_.tokens;
    if (request.prompt.empty()) {
      request.prompt = model.chat.tokenizer->encode(wish_.text, {.add_special = true, .parse_special = true});
    }
    if (request.prompt.empty() && model.chat.tokenizer->bos() >= 0) request.prompt = {model.chat.tokenizer->bos()};
  } else {
    ChatPromptOptions options;
    if (wish_.tool_choice != ToolChoice::kNone) options.tools = wish_.tools;
    options.extra = wish_.template_extra;
    options.leave_out = leave_out_of(wish_.overflow);
    options.most_tokens = context - answer_room(request, context);
    ChatPrompt prompt = make_chat_prompt(model.chat, wish_.messages, options);
    request.prompt = std::move(prompt.tokens);
    in_reasoning_ = prompt.in_reasoning;
    answer_.messages_left_out = prompt.left_out;
  }
  if (int32_t(request.prompt.size()) >= context) {
    throw Error(ErrorCode::kContextOverflow,
                "the prompt has " + std::to_string(request.prompt.size()) + " tokens; the model's context of " +
                    std::to_string(context) + " leaves no room for an answer",
                "shorten the prompt, or load the model with a larger context length");
  }
  constraint_ = make_constraint();  // the first choice's: here it may take its time and fail
  if (!wish_.seeded) request.sampling.seed = std::random_device{}();
}

std::shared_ptr<TokenConstraint> RunningAnswer::make_constraint() const {
  ServedModel& model = *lease_;
  if (wish_.tool_choice == ToolChoice::kRequired) {
    return call_constraint(model.chat, model.grammar_vocabulary, wish_.tools, wish_.tool_name, in_reasoning_);
  }
  const bool in_reasoning = in_reasoning_ && wish_.split_reasoning;
  return shape_constraint(model.chat, model.grammar_vocabulary, wish_.shape, in_reasoning);
}

void RunningAnswer::submit() {
  if (cancelled_ || ended_) return end();
  AnswerParserOptions options;
  options.calls = wish_.tools.is_array() && !wish_.tools.empty() && wish_.tool_choice != ToolChoice::kNone;
  options.in_reasoning = in_reasoning_;
  options.reasoning = wish_.split_reasoning;
  options.tools = tool_names(wish_.tools);
  static const AnswerFormat kPlain{.name = "plain", .reasoning_begin = "", .reasoning_end = ""};
  const bool is_chat = !wish_.messages.is_null();
  if (!is_chat) options = {.calls = false, .in_reasoning = false, .reasoning = false, .tools = {}};
  open_choices_ = wish_.choices;
  for (int i = 0; i < wish_.choices; ++i) parsers_.emplace_back(is_chat ? lease_->chat.answer_format : kPlain, options);
  ids_.reserve(size_t(wish_.choices));
  for (int i = 0; i < wish_.choices; ++i) {
    Request request = wish_.request;
    request.sampling.seed += uint64_t(i);
    request.constraint = i == 0 ? std::move(constraint_) : make_constraint();
    const EventSink sink = AnswerService::events(service_.post_, weak_from_this(), i);
    const RequestId id = lease_->engine->submit(std::move(request), sink);
    const std::lock_guard lock(mutex_);
    ids_.push_back(id);
  }
}

void RunningAnswer::cancel() {
  cancelled_ = true;
  const std::lock_guard lock(mutex_);
  if (!lease_) return;
  for (RequestId id : ids_) with_memory([&] { lease_->engine->cancel(id); });
}

void RunningAnswer::take(int choice, const Event& event) {
  if (ended_) return;
  if (const auto* started = std::get_if<Started>(&event)) {
    if (!begun_) start(*started);
  } else if (const auto* progress = std::get_if<PromptProgress>(&event)) {
    if (streaming_ && writer_->tells_progress() && progress->total > 0) {
      tell(writer_->reading(answer_, double(progress->done) / progress->total));
    }
  } else if (const auto* next = std::get_if<TokenEvent>(&event)) {
    token(choice, next, next->text, false);
  } else if (const auto* finished = std::get_if<Finished>(&event)) {
    finish(choice, *finished);
  } else if (const auto* failed = std::get_if<Failed>(&event)) {
    fail(failed->error);
  }
}

void RunningAnswer::tell_what_is_left_out(HttpResponse& response) const {
  if (answer_.messages_left_out == 0) return;
  response.headers.emplace_back("X-Vivace-Messages-Left-Out", std::to_string(answer_.messages_left_out));
}

void RunningAnswer::open_stream() {
  if (streaming_) return;
  streaming_ = true;
  HttpResponse head;
  head.headers = {
      {"Content-Type", writer_->content_type()}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
  tell_what_is_left_out(head);
  exchange_->start(std::move(head), writer_->heartbeat());
}

void RunningAnswer::start(const Started& started) {
  begun_ = true;
  answer_.prompt_tokens = started.prompt_tokens;
  answer_.cached_tokens = started.cached_tokens;
  if (!stream_) return;
  open_stream();
  if (writer_->tells_progress()) tell(writer_->reading(answer_, 0));
  tell(writer_->begin(answer_));
}

void RunningAnswer::tell(std::string text) {
  if (!text.empty()) exchange_->write(std::move(text));
}

void RunningAnswer::keep(int choice, const std::vector<AnswerPart>& parts) {
  AnswerChoice& kept = answer_.choices[size_t(choice)];
  for (const AnswerPart& part : parts) {
    switch (part.kind) {
      case AnswerPart::Kind::kContent:
        kept.content += part.text;
        break;
      case AnswerPart::Kind::kReasoning:
        kept.reasoning += part.text;
        break;
      case AnswerPart::Kind::kCallBegin:
        kept.calls.push_back({part.id.empty() ? random_id().substr(0, 9) : part.id, part.text, ""});
        break;
      case AnswerPart::Kind::kCallArguments:
        kept.calls.back().arguments += part.text;
        break;
      case AnswerPart::Kind::kCallEnd:
        break;
    }
  }
}

void RunningAnswer::token(int choice, const TokenEvent* token, const std::string& text, bool last) {
  AnswerChoice& kept = answer_.choices[size_t(choice)];
  if (token != nullptr && answer_.first_token_seconds == 0) answer_.first_token_seconds = seconds();
  AnswerDelta delta;
  delta.choice = choice;
  delta.token = token;
  AnswerParser& parser = parsers_[size_t(choice)];
  delta.parts = parser.push(text);
  if (last) {
    std::vector<AnswerPart> rest = parser.finish();
    std::move(rest.begin(), rest.end(), std::back_inserter(delta.parts));
  }
  const bool thinks = std::any_of(delta.parts.begin(), delta.parts.end(),
                                  [](const AnswerPart& part) { return part.kind == AnswerPart::Kind::kReasoning; });
  if (token != nullptr && thinks) ++kept.reasoning_tokens;
  const bool tells_token = token != nullptr && (wish_.request.sampling.logprobs >= 0 || writer_->tells_tokens());
  if (tells_token) kept.tokens.push_back(*token);
  keep(choice, delta.parts);
  if (stream_ && (tells_token || !delta.parts.empty())) tell(writer_->delta(answer_, delta));
}

void RunningAnswer::finish(int choice, const Finished& finished) {
  if (finished.reason == FinishReason::kCancelled && cancelled_) return end();
  token(choice, nullptr, finished.text, true);
  answer_.choices[size_t(choice)].finished = finished;
  if (finished.reason == FinishReason::kCancelled) {
    return fail(Error(ErrorCode::kCancelled, "the model was unloaded while it answered"));
  }
  answer_.prompt_tokens = finished.usage.prompt_tokens;
  service_.metrics_.answered(lease_->id, finished, answer_.first_token_seconds);
  if (stream_) tell(writer_->choice_end(answer_, choice));
  if (--open_choices_ == 0) complete();
}

void RunningAnswer::complete() {
  answer_.total_seconds = seconds();
  if (finished_) finished_(answer_);
  if (stream_) {
    tell(writer_->end(answer_));
    exchange_->finish();
  } else {
    HttpResponse response = json_response(writer_->whole(answer_));
    tell_what_is_left_out(response);
    exchange_->respond(std::move(response));
  }
  end();
}

void RunningAnswer::fail_later(const Error& error) {
  AnswerService::fail_later(service_.post_, weak_from_this(), error);
}

void RunningAnswer::fail(const Error& error) {
  if (ended_) return;
  try {
    service_.metrics_.failed(error);
    if (streaming_) {
      tell(writer_->failure(answer_, error));
    } else {
      exchange_->respond(error_response_(error));
    }
  } catch (const std::bad_alloc&) {  // an exchange without a response answers for itself when it goes
  }
  if (streaming_) exchange_->finish();
  cancel();
  end();
}

void RunningAnswer::end() {
  ended_ = true;
  {
    const std::lock_guard lock(mutex_);
    ids_.clear();
    lease_ = {};
  }
  service_.forget(shared_from_this());
}

}  // namespace vivace
