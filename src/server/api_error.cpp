#include "server/api_error.h"

#include <new>

namespace vivace {
namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kContextOverflow:
    case ErrorCode::kUnsupported:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kOverloaded:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kDeviceLost:
      return 503;
    case ErrorCode::kCancelled:
      return 499;
    case ErrorCode::kInvalidFile:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string code_of(ErrorCode code) {
  return code == ErrorCode::kContextOverflow ? "context_length_exceeded" : error_code_name(code);
}

}  // namespace

ApiFailure api_failure(const Error& error) {
  ApiFailure failure;
  failure.message = error.what();
  if (!error.hint().empty()) failure.message += "; " + error.hint();
  if (const auto* api = dynamic_cast<const ApiError*>(&error)) {
    failure.status = api->status();
    failure.param = api->param();
    failure.code = api->api_code();
  } else {
    failure.status = status_of(error.code());
    failure.code = code_of(error.code());
  }
  return failure;
}

ApiError kept_error(const Error& error) {
  const ApiFailure failure = api_failure(error);
  return ApiError(failure.status, failure.message, failure.param, failure.code);
}

ApiError caught_error() {
  try {
    throw;
  } catch (const Error& error) {
    return kept_error(error);
  } catch (const std::bad_alloc&) {
    return kept_error(Error(ErrorCode::kOutOfMemory, "there is no memory for this request"));
  } catch (const std::exception& error) {
    return kept_error(Error(ErrorCode::kInternal, error.what()));
  }
}

}  // namespace vivace
