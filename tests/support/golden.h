// The readers of the conformance data, under the names that tests use.
#pragma once

#include "gpu_check/conformance_files.h"

namespace vivace::test {

using gpu_check::json_number;
using gpu_check::json_numbers;
using gpu_check::json_string;
using gpu_check::read_array;
using gpu_check::read_text;

}  // namespace vivace::test
