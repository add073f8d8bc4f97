// Every unpacker, and how to get from a format to its own.
#pragma once

#include "backends/cuda/formats/iq1_m.h"
#include "backends/cuda/formats/iq1_s.h"
#include "backends/cuda/formats/iq2_s.h"
#include "backends/cuda/formats/iq2_xs.h"
#include "backends/cuda/formats/iq2_xxs.h"
#include "backends/cuda/formats/iq3_s.h"
#include "backends/cuda/formats/iq3_xxs.h"
#include "backends/cuda/formats/iq4_nl.h"
#include "backends/cuda/formats/iq4_xs.h"
#include "backends/cuda/formats/mxfp4.h"
#include "backends/cuda/formats/nvfp4.h"
#include "backends/cuda/formats/q1_0.h"
#include "backends/cuda/formats/q2_0.h"
#include "backends/cuda/formats/q2_k.h"
#include "backends/cuda/formats/q3_k.h"
#include "backends/cuda/formats/q4_0.h"
#include "backends/cuda/formats/q4_1.h"
#include "backends/cuda/formats/q4_k.h"
#include "backends/cuda/formats/q5_0.h"
#include "backends/cuda/formats/q5_1.h"
#include "backends/cuda/formats/q5_k.h"
#include "backends/cuda/formats/q6_k.h"
#include "backends/cuda/formats/q8_0.h"
#include "backends/cuda/formats/tq1_0.h"
#include "backends/cuda/formats/tq2_0.h"

namespace vivace::cuda {

/// Calls visit(Unpack<Format>{}) for the format of a weight in blocks; false where it is a plain float.
template <class Visitor>
bool visit_unpacker(Format format, const Visitor& visit) {
  switch (format) {
    case Format::kQ4_0:
      return visit(UnpackQ4_0{}), true;
    case Format::kQ4_1:
      return visit(UnpackQ4_1{}), true;
    case Format::kQ5_0:
      return visit(UnpackQ5_0{}), true;
    case Format::kQ5_1:
      return visit(UnpackQ5_1{}), true;
    case Format::kQ8_0:
      return visit(UnpackQ8_0{}), true;
    case Format::kQ2_K:
      return visit(UnpackQ2_K{}), true;
    case Format::kQ3_K:
      return visit(UnpackQ3_K{}), true;
    case Format::kQ4_K:
      return visit(UnpackQ4_K{}), true;
    case Format::kQ5_K:
      return visit(UnpackQ5_K{}), true;
    case Format::kQ6_K:
      return visit(UnpackQ6_K{}), true;
    case Format::kIQ2_XXS:
      return visit(UnpackIQ2_XXS{}), true;
    case Format::kIQ2_XS:
      return visit(UnpackIQ2_XS{}), true;
    case Format::kIQ3_XXS:
      return visit(UnpackIQ3_XXS{}), true;
    case Format::kIQ1_S:
      return visit(UnpackIQ1_S{}), true;
    case Format::kIQ4_NL:
      return visit(UnpackIQ4_NL{}), true;
    case Format::kIQ3_S:
      return visit(UnpackIQ3_S{}), true;
    case Format::kIQ2_S:
      return visit(UnpackIQ2_S{}), true;
    case Format::kIQ4_XS:
      return visit(UnpackIQ4_XS{}), true;
    case Format::kIQ1_M:
      return visit(UnpackIQ1_M{}), true;
    case Format::kTQ1_0:
      return visit(UnpackTQ1_0{}), true;
    case Format::kTQ2_0:
      return visit(UnpackTQ2_0{}), true;
    case Format::kMXFP4:
      return visit(UnpackMXFP4{}), true;
    case Format::kNVFP4:
      return visit(UnpackNVFP4{}), true;
    case Format::kQ1_0:
      return visit(UnpackQ1_0{}), true;
    case Format::kQ2_0:
      return visit(UnpackQ2_0{}), true;
    case Format::kF32:
    case Format::kF16:
    case Format::kBF16:
      break;
  }
  return false;
}

}  // namespace vivace::cuda
