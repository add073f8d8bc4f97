// Weights and activations for the operation tests, under the names that they use.
#pragma once

#include "gpu_check/op_samples.h"
#include "rig.h"

namespace vivace::ops_test {

using gpu_check::layouts_of;
using gpu_check::make_block;
using gpu_check::matmul_bound;
using gpu_check::sample_inputs;
using gpu_check::sample_weight;
using gpu_check::SampleWeight;

}  // namespace vivace::ops_test
