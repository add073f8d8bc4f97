// What the program's exit codes mean; the help prints this table.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"

namespace vivace {

constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitNotFound = 3;
constexpr int kExitOutOfMemory = 4;
constexpr int kExitSlower = 5;
constexpr int kExitCancelled = 130;
constexpr int kExitOutputClosed = 141;

struct ExitCodeRow {
  int code;
  std::string_view meaning;
};

std::span<const ExitCodeRow> exit_codes();

int exit_code_of(ErrorCode code);

}  // namespace vivace
