#include "engine/score.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/load_options.h"
#include "cli/model_location.h"
#include "cli/model_session.h"
#include "cli/score.h"
#include "cli/text_format.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "tokens",
     .type = OptionType::kString,
     .default_text = "",
     .help = "File of token ids, 32-bit little-endian",
     .group = "Input and output"},
    {.name = "logits",
     .type = OptionType::kString,
     .default_text = "",
     .help = "File to write all logits to: [tokens, vocabulary] as 32-bit little-endian floats",
     .group = "Input and output"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object",
     .group = "Input and output"},
};

std::vector<TokenId> read_tokens(const std::string& path) {
  const std::vector<uint8_t> bytes = read_file_to_memory(path);
  if (bytes.empty() || bytes.size() % sizeof(TokenId) != 0) {
    throw Error(ErrorCode::kInvalidFile,
                path + ": " + std::to_string(bytes.size()) + " bytes are no list of 32-bit ids");
  }
  std::vector<TokenId> tokens(bytes.size() / sizeof(TokenId));
  std::memcpy(tokens.data(), bytes.data(), bytes.size());
  return tokens;
}

void fit_wishes(const ModelCard& card, Wishes& wishes, size_t tokens) {
  constexpr int64_t kLogitBytes = int64_t{256} << 20;
  if (tokens > (1u << 24)) throw Error(ErrorCode::kInvalidArgument, "more than 16777216 tokens");
  if (!wishes.context_length) wishes.context_length = static_cast<int32_t>(tokens);
  // One row of logits for each token of a step: an automatic batch gives way to their size.
  if (!wishes.batch_size) {
    const int64_t rows = kLogitBytes / (int64_t{4} * std::max(1, card.vocabulary));
    wishes.batch_size = static_cast<int32_t>(std::clamp<int64_t>(rows, 1, std::min<int64_t>(512, int64_t(tokens))));
  }
  wishes.outputs = wishes.batch_size;
}

int run_score(const Arguments& arguments, Context& context) {
  const auto tokens_path = arguments.text("tokens");
  if (!tokens_path) throw Error(ErrorCode::kInvalidArgument, "vivace score needs --tokens FILE");
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  const std::vector<TokenId> tokens = read_tokens(*tokens_path);
  ModelSession session =
      plan_session(open_model_file(path), path, arguments, context,
                   [&](const ModelCard& card, Wishes& wishes) { fit_wishes(card, wishes, tokens.size()); });
  // Before the work: a folder that can't be written to is known at once.
  std::unique_ptr<AtomicFile> logits_file;
  if (const auto logits_path = arguments.text("logits")) logits_file = std::make_unique<AtomicFile>(*logits_path);
  load_session(session, context);
  const Score score = score_tokens(
      session.source->model(), session.source->runner(), tokens, [&](int32_t, std::span<const float> logits) {
        throw_if_interrupted();
        if (!logits_file) return;
        logits_file->append({reinterpret_cast<const uint8_t*>(logits.data()), logits.size_bytes()});
      });
  if (logits_file) logits_file->commit();
  if (arguments.flag("json")) {
    const Json result = {{"tokens", score.tokens}, {"mean_nll", score.mean_nll}, {"perplexity", score.perplexity}};
    context.console.out(dump_json(result) + "\n");
  } else {
    TextTable table({TextTable::Align::kLeft, TextTable::Align::kLeft});
    table.add({"tokens", std::to_string(score.tokens)});
    table.add({"mean nll", fixed_text(score.mean_nll, 6)});
    table.add({"perplexity", fixed_text(score.perplexity, 4)});
    context.console.out(table.text());
  }
  return kExitOk;
}

}  // namespace

CommandRow score_command_row() {
  return {.name = "score",
          .group = "Machine",
          .summary = "Measure how well a model predicts a list of tokens: perplexity, logits",
          .description =
              "Works without a vocabulary. Mean nll is in nats per token, over all tokens but the first. The context "
              "is as long as the list.",
          .positionals = {model_argument()},
          .options = {kRows, load_options()},
          .examples = {{"score ./model.gguf --tokens text.i32 --json", "perplexity"},
                       {"score ./model.gguf --tokens text.i32 --logits out.f32 --kv-type f32", "all logits"}},
          .run = run_score};
}

}  // namespace vivace
