// What a request did wrong, with the words that API clients look for.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace vivace {

class ApiError : public Error {
 public:
  /// `param`: the field at fault, may be empty. `api_code`: a word such as "model_not_found", may be empty.
  ApiError(int status, std::string what, std::string param = {}, std::string api_code = {}, std::string hint = {})
      : Error(status == 404 ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument, std::move(what), std::move(hint)),
        status_(status),
        param_(std::move(param)),
        api_code_(std::move(api_code)) {}

  int status() const { return status_; }
  const std::string& param() const { return param_; }
  const std::string& api_code() const { return api_code_; }

 private:
  int status_;
  std::string param_, api_code_;
};

/// An error as every dialect's own shape needs it.
struct ApiFailure {
  int status = 500;
  std::string message;  // with the hint
  std::string param, code;
};

ApiFailure api_failure(const Error& error);

/// A copy that outlives the error: of an ApiError all that clients are told of it.
ApiError kept_error(const Error& error);

/// What is being caught, as clients are told it: an Error as it is, want of memory, anything else.
ApiError caught_error();

}  // namespace vivace
