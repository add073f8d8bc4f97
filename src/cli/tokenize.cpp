#include "cli/tokenize.h"

#include <charconv>

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "base/utf8.h"
#include "chat/text_model.h"
#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/standard_input.h"
#include "cli/text_format.h"
#include "models/model_file.h"

namespace vivace {
namespace {

const OptionRow kRows[] = {
    {.name = "file",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Read the text from a file, every byte of it"},
    {.name = "jsonl",
     .type = OptionType::kString,
     .default_text = "",
     .help = "Read a file of lines {\"text\": …, \"add_special\": …, \"parse_special\": …}; prints one object a line"},
    {.name = "no-add-special",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Don't add BOS and EOS where the file asks for them"},
    {.name = "no-parse-special",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Control tokens written in the text are plain text"},
    {.name = "detokenize",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "The other way: ids to text; TEXT is ids with spaces or commas between, or {\"ids\":[…]}"},
    {.name = "json",
     .type = OptionType::kBool,
     .default_text = "false",
     .help = "Print one JSON object; this is also the form when standard output is no terminal"},
};

bool is_separator(char c) {
  return c == ' ' || c == ',' || c == '\n' || c == '\t' || c == '\r' || c == '[' || c == ']';
}

std::vector<int32_t> ids_from_json(const Json& value) {
  const Json& list = value.is_object() && value.contains("ids") ? value["ids"] : value;
  if (!list.is_array()) throw Error(ErrorCode::kInvalidArgument, "expected an array of ids");
  std::vector<int32_t> ids;
  for (const Json& id : list) {
    if (!id.is_number_integer()) throw Error(ErrorCode::kInvalidArgument, "an id is not an integer");
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::vector<int32_t> parse_ids(std::string_view text) {
  const size_t first = text.find_first_not_of(" \n\t\r");
  if (first != std::string_view::npos && text[first] == '{') return ids_from_json(parse_json(text));
  std::vector<int32_t> ids;
  while (true) {
    while (!text.empty() && is_separator(text.front())) text.remove_prefix(1);
    if (text.empty()) return ids;
    int32_t id = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc()) {
      throw Error(ErrorCode::kInvalidArgument, "'" + printable_text(text, 20) + "' is no token id");
    }
    ids.push_back(id);
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
  }
}

// {"ids":[…]} and a line's end, written at once: the ids of a long text would take many times their memory as JSON
// values.
std::string ids_line(const std::vector<int32_t>& ids) {
  std::string line = "{\"ids\":[";
  line.reserve(ids.size() * 7 + 16);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i != 0) line += ',';
    char digits[12];
    line.append(digits, std::to_chars(digits, digits + sizeof digits, ids[i]).ptr);
  }
  return line += "]}\n";
}

class TokenizeCommand {
 public:
  TokenizeCommand(const Arguments& arguments, Context& context, const Tokenizer& tokenizer)
      : arguments_(arguments), console_(context.console), tokenizer_(tokenizer) {
    options_.add_special = !arguments.flag("no-add-special");
    options_.parse_special = !arguments.flag("no-parse-special");
  }

  void run_lines(const std::string& path) {
    const std::string text = read_text_file(path);
    size_t number = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      ++number;
      throw_if_interrupted();
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) run_line(path, number, line);
      begin = end + 1;
    }
  }

  void run_text(const std::string& text) {
    if (arguments_.flag("detokenize")) {
      const std::string result = decode(parse_ids(text));
      console_.out(arguments_.flag("json") ? dump_json(Json{{"text", result}}) + "\n" : result);
      return;
    }
    const std::vector<int32_t> ids = tokenizer_.encode(text, options_);
    if (arguments_.flag("json") || !console_.out_is_terminal()) {
      console_.out(ids_line(ids));
      return;
    }
    TextTable table({TextTable::Align::kRight, TextTable::Align::kLeft});
    for (int32_t id : ids) table.add({std::to_string(id), "'" + printable_text(tokenizer_.piece(id, true), 200) + "'"});
    console_.out(table.text());
    console_.out(std::to_string(ids.size()) + " tokens\n");
  }

 private:
  std::string decode(const std::vector<int32_t>& ids) const {
    return tokenizer_.decode(ids, {.render_special = !arguments_.flag("no-parse-special")});
  }

  void run_line(const std::string& path, size_t number, std::string_view line) {
    try {
      const Json object = parse_json(line);
      if (!object.is_object()) throw Error(ErrorCode::kInvalidArgument, "not an object");
      if (arguments_.flag("detokenize")) {
        console_.out(dump_json(Json{{"text", decode(ids_from_json(object))}}) + "\n");
        return;
      }
      if (!object.contains("text") || !object["text"].is_string())
        throw Error(ErrorCode::kInvalidArgument, "no \"text\"");
      EncodeOptions options = options_;
      options.add_special = flag_of(object, "add_special", options.add_special);
      options.parse_special = flag_of(object, "parse_special", options.parse_special);
      console_.out(ids_line(tokenizer_.encode(object["text"].get<std::string>(), options)));
    } catch (const Error& error) {
      throw Error(error.code(), path + ", line " + std::to_string(number) + ": " + error.what(), error.hint());
    }
  }

  static bool flag_of(const Json& object, const char* name, bool otherwise) {
    const auto found = object.find(name);
    return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
  }

  const Arguments& arguments_;
  Console& console_;
  const Tokenizer& tokenizer_;
  EncodeOptions options_;
};

int run_tokenize(const Arguments& arguments, Context& context) {
  const std::string* text = arguments.positional("TEXT");
  const auto file = arguments.text("file");
  const auto lines = arguments.text("jsonl");
  if ((text != nullptr) + file.has_value() + lines.has_value() > 1) {
    throw Error(ErrorCode::kInvalidArgument, "give one of TEXT, --file and --jsonl");
  }
  const std::filesystem::path path = locate_model(*arguments.positional("MODEL"), context);
  const std::unique_ptr<Tokenizer> tokenizer = open_tokenizer(open_model_file(path));
  for (const std::string& note : tokenizer->notes()) context.log.info("tokenizer", {{"note", note}});
  TokenizeCommand command(arguments, context, *tokenizer);
  if (lines) {
    command.run_lines(*lines);
  } else if (file) {
    command.run_text(read_text_file(*file));
  } else if (text != nullptr) {
    command.run_text(*text);
  } else {
    if (context.console.in_is_terminal()) {
      throw Error(ErrorCode::kInvalidArgument, "vivace tokenize needs a text",
                  "give TEXT, --file or --jsonl, or pipe one in");
    }
    command.run_text(read_standard_input());
  }
  return kExitOk;
}

}  // namespace

CommandRow tokenize_command_row() {
  return {.name = "tokenize",
          .group = "Models",
          .summary = "Turn text into a model's token ids, or back",
          .description =
              "Files with a vocabulary only will do. Without TEXT, --file and --jsonl the text comes from standard "
              "input, every byte of it.",
          .positionals = {model_argument(), {"TEXT", false, "The text"}},
          .options = {kRows},
          .examples = {{"tokenize ./model.gguf \"Hello, world\"", "ids and pieces"},
                       {"tokenize ./model.gguf --file book.txt --json", "{\"ids\":[…]}"},
                       {"tokenize ./model.gguf --detokenize \"19556 28 905\"", "text"}},
          .run = run_tokenize};
}

}  // namespace vivace
