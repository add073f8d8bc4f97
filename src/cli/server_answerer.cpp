#include "cli/server_answerer.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>

#include "base/error.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "cli/sampling_options.h"
#include "cli/server_connection.h"
#include "cli/text_format.h"
#include "net/event_lines.h"
#include "server/event_json.h"

namespace vivace {
namespace {

using Clock = std::chrono::steady_clock;

/// The fields of /api/v1/generate.
Json request_json(const std::string& model, const Question& question) {
  const Request& request = question.request;
  const SamplingOptions& sampling = request.sampling;
  Json json = {{"model", model},
               {"stream", true},
               {"temperature", sampling.temperature},
               {"top_k", sampling.top_k},
               {"top_p", sampling.top_p},
               {"min_p", sampling.min_p},
               {"repeat_penalty", sampling.repeat_penalty},
               {"presence_penalty", sampling.presence_penalty},
               {"frequency_penalty", sampling.frequency_penalty},
               {"repeat_window", sampling.repeat_window},
               {"seed", sampling.seed},
               {"max_tokens", request.max_tokens},
               {"stop", request.stop},
               {"ignore_eos", request.ignore_end},
               {"context_overflow_policy", "rolling_window"}};
  if (sampling.logprobs >= 0) json["logprobs"] = sampling.logprobs;
  for (const auto& [id, bias] : sampling.logit_bias) {
    json["logit_bias"].push_back({id, bias < -100 ? Json(false) : Json(bias)});  // false: never
  }
  if (question.messages.is_null()) {
    json["prompt"] = question.text;
  } else {
    json["messages"] = question.messages;
  }
  return json;
}

/// Reads the stream of one answer and hands its events on.
class EventStream {
 public:
  EventStream(Context& context, const std::function<void(const Event&)>& on_event)
      : context_(context), on_event_(on_event) {}

  /// Throws the Error of an answer that failed.
  void take(std::string_view part) {
    lines_.push(part, [this](const std::string& data) { event(parse_json(data)); });
  }

  bool finished() const { return finished_; }

  TimedAnswer answer;
  Json started;  // what the server said of the model
  std::map<TokenId, std::string> pieces;

 private:
  void event(const Json& json) {
    const std::string type = json.value("type", "");
    if (type == "loading") {
      loading(json.value("progress", 0.0));
    } else if (type == "started") {
      bar_.reset();
      started = json;
      answer.messages_left_out = json.value("messages_left_out", 0);
    } else if (type == "token") {
      token(json);
    } else if (type == "text") {
      held_text_ += json.value("text", "");
    } else if (type == "finished") {
      answer.finished = parse_finished_json(json);
      answer.finished.text = held_text_;
      finished_ = true;
      on_event_(answer.finished);
    } else if (type == "failed") {
      throw server_error(json.value("status", 500), json);  // as a response without events would have had it
    }
  }

  void loading(double share) {
    constexpr size_t kWhole = 1000;
    if (!bar_) bar_.emplace(context_.console, "loading", ProgressBar::Unit::kCount);
    bar_->update(size_t(share * kWhole), kWhole);
  }

  void token(const Json& json) {
    if (answer.first_token_seconds == 0) {
      answer.first_token_seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    }
    TokenEvent token;
    token.id = json.value("id", 0);
    token.text = json.value("text", "");
    if (const auto logprobs = json.find("logprobs"); logprobs != json.end()) {
      parse_logprobs_json(*logprobs, token, [&](TokenId id, const std::string& text) { pieces[id] = text; });
    }
    on_event_(token);
  }

  Context& context_;
  const std::function<void(const Event&)>& on_event_;
  const Clock::time_point begin_ = Clock::now();
  EventLines lines_;
  std::string held_text_;
  std::optional<ProgressBar> bar_;
  bool finished_ = false;
};

class ServerAnswerer : public Answerer {
 public:
  ServerAnswerer(std::string address, std::string model, Context& context)
      : context_(context),
        address_(std::move(address)),
        model_(std::move(model)),
        client_(connect_server(address_, context)) {}

  TimedAnswer answer(const Question& question, const std::function<void(const Event&)>& on_event) override {
    EventStream stream(context_, on_event);
    try {
      const HttpResponse response = client_.stream(
          "POST", "/api/v1/generate", dump_json(request_json(model_, question)), [&](std::string_view part) {
            stream.take(part);
            return true;
          });
      if (response.status != 200) server_json(response, address_);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled || !interrupted()) throw;
      stream.answer.finished.reason = FinishReason::kCancelled;
      on_event(stream.answer.finished);
      return std::move(stream.answer);
    }
    if (!stream.finished()) {
      throw Error(ErrorCode::kIo, "the server at " + address_ + " broke the answer off", "does it still run?");
    }
    started_ = std::move(stream.started);
    pieces_ = std::move(stream.pieces);
    return std::move(stream.answer);
  }

  std::string piece(TokenId id) const override {
    const auto found = pieces_.find(id);
    return found == pieces_.end() ? "" : found->second;
  }

  int32_t context_length() const override { return started_.value("context_length", 0); }

  Json settings_json() const override {
    return {{"load_seconds", started_.value("load_seconds", 0.0)},
            {"settings", {{"server", address_}, {"model", model_}, {"context_length", context_length()}}}};
  }

  std::string set_lever(const std::string&, const std::string&) override {
    throw Error(ErrorCode::kUnsupported, "the levers are those of the server at " + address_,
                "vivace load sets them there; --server none loads the model here");
  }

 private:
  Context& context_;
  const std::string address_, model_;
  HttpClient client_;
  Json started_ = Json::object();
  std::map<TokenId, std::string> pieces_;
};

bool is_vivace(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Server" && value.starts_with("vivace/")) return true;
  }
  return false;
}

/// What the server is to call the model: a file by its whole path, else the name.
std::string name_for_server(const std::string& model) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(model, error)) return model;
  return std::filesystem::absolute(model, error).string();
}

/// Throws Error where nobody answers, nobody of ours, or where it does not have the model.
void check_has_model(const std::string& address, const std::string& model, const Context& context) {
  const HttpResponse response = connect_server(address, context).request("GET", "/v1/models/" + percent_encode(model));
  if (!is_vivace(response)) throw Error(ErrorCode::kIo, "what answers at " + address + " is no Vivace");
  server_json(response, address);
}

}  // namespace

std::unique_ptr<Answerer> find_server_answerer(const Arguments& arguments, Context& context,
                                               const AnswererOptions& options) {
  const bool named = arguments.text("server").has_value();
  const std::string address = arguments.text("server").value_or(usual_server(context.environment));
  if (address == "none") return nullptr;
  const std::string model = name_for_server(*arguments.positional("MODEL"));
  try {
    check_has_model(address, model, context);
  } catch (const Error& error) {
    if (named || error.code() == ErrorCode::kCancelled) throw;
    context.log.info("server not used", {{"address", address}, {"why", error.what()}});
    return nullptr;
  }
  if (!arguments.flag("quiet")) {
    TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
    table.add({"model", *arguments.positional("MODEL")});
    table.add({"server", address + ", which answers (--server none loads the model here)"});
    table.add({"sampling", sampling_text(options.sampling)});
    context.console.err(context.console.faint(table.text()));
  }
  return std::make_unique<ServerAnswerer>(address, model, context);
}

}  // namespace vivace
