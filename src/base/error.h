// The one exception of the library. Thrown for what ends a load or a request; caught in the engine turn, the HTTP
// handler and main. What is expected to happen (no free page, no such row) is a return value instead.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace vivace {

enum class ErrorCode {
  kInvalidArgument,  // a flag, a request field, a call of the API
  kInvalidFile,      // a file that breaks its format
  kUnsupported,      // well-formed, but this build or device can't do it
  kNotFound,         // no such file, model, tensor
  kIo,               // the system said no: read, write, mmap, network
  kOutOfMemory,      // host or device memory, or a budget
  kDeviceLost,       // a device stopped answering or was taken away
  kContextOverflow,  // more tokens than the context holds
  kCancelled,        // the caller or its client went away
  kOverloaded,       // more requests than are waited for: later it may work
  kInternal,         // a bug of ours
};

/// Name of a code as it appears in JSON and logs, for example "invalid_file".
const char* error_code_name(ErrorCode code);

class Error : public std::exception {
 public:
  /// `what`: what happened, with names and numbers, one sentence. `hint`: what the user can do about it, may be empty.
  Error(ErrorCode code, std::string what, std::string hint = {})
      : code_(code), what_(std::move(what)), hint_(std::move(hint)) {}

  ErrorCode code() const { return code_; }
  const char* what() const noexcept override { return what_.c_str(); }
  const std::string& hint() const { return hint_; }

 private:
  ErrorCode code_;
  std::string what_;
  std::string hint_;
};

}  // namespace vivace
