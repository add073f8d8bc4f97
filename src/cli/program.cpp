#include "cli/program.h"

#include <exception>
#include <new>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/help.h"
#include "cli/log_sink.h"

namespace vivace {
namespace {

int run_command(const CommandRow& command, std::span<const std::string> rest, const Environment& environment,
                Console& console) {
  const Arguments arguments = Arguments::parse(command, rest);
  if (arguments.help_wanted()) {
    console.out(command_help(command));
    return kExitOk;
  }
  const std::unique_ptr<LogSink> sink = make_stderr_log(arguments.text("log-format").value_or("text"));
  const LogLevel lowest = parse_log_level(arguments.text("log-level").value_or("")).value_or(LogLevel::kWarn);
  Context context{environment, console, Logger(*sink, lowest)};
  return command.run(arguments, context);
}

int dispatch(std::span<const std::string> arguments, const Environment& environment, Console& console) {
  if (arguments.empty()) {
    console.err(overview_help(commands()));
    return kExitUsage;
  }
  std::string name = arguments[0];
  if (name == "--help" || name == "-h") name = "help";
  if (name == "--version" || name == "-V") name = "version";
  if (const CommandRow* command = find_command(name)) {
    return run_command(*command, arguments.subspan(1), environment, console);
  }
  if (name.starts_with("-")) {
    throw Error(ErrorCode::kInvalidArgument, "unknown option '" + name + "' before the command", "see vivace --help");
  }
  throw unknown_command(name);
}

void print_error(Console& console, const std::string& what, const std::string& hint) {
  console.err(console.red("error:") + " " + what + "\n");
  if (!hint.empty()) console.err(console.bold("hint:") + "  " + hint + "\n");
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, const Environment& environment) noexcept {
  Console console(environment.no_color);
  try {
    return dispatch(arguments, environment, console);
  } catch (const OutputClosed&) {
    return kExitOutputClosed;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) {
      console.err("cancelled\n");
    } else {
      print_error(console, error.what(), error.hint());
    }
    return exit_code_of(error.code());
  } catch (const std::bad_alloc&) {
    print_error(console, "out of memory", "");
    return kExitOutOfMemory;
  } catch (const std::exception& error) {
    print_error(console, error.what(), "");
    return kExitFailure;
  }
}

}  // namespace vivace
