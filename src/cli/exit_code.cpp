#include "cli/exit_code.h"

namespace vivace {
namespace {

constexpr ExitCodeRow kRows[] = {
    {kExitOk, "success"},
    {kExitFailure, "failure: a broken or unsupported file, an input or output error, a template that refuses"},
    {kExitUsage, "wrong usage: an unknown option, a value out of range"},
    {kExitNotFound, "no such file, model or tensor"},
    {kExitOutOfMemory, "not enough memory"},
    {kExitSlower, "slower than the machine's own record (vivace bench --alarm)"},
    {kExitCancelled, "cancelled with Ctrl-C"},
    {kExitOutputClosed, "the reader of standard output went away"},
};

}  // namespace

std::span<const ExitCodeRow> exit_codes() { return kRows; }

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return kExitUsage;
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kOutOfMemory:
      return kExitOutOfMemory;
    case ErrorCode::kCancelled:
      return kExitCancelled;
    case ErrorCode::kInvalidFile:
    case ErrorCode::kUnsupported:
    case ErrorCode::kIo:
    case ErrorCode::kDeviceLost:
    case ErrorCode::kContextOverflow:
    case ErrorCode::kOverloaded:
    case ErrorCode::kInternal:
      return kExitFailure;
  }
  return kExitFailure;
}

}  // namespace vivace
