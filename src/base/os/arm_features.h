// What the system says of an Arm processor; registers that tell it are not readable for programs.
#pragma once

namespace vivace {

/// Int8 matrix products (FEAT_I8MM: SMMLA). False on other processors and where the system does not say.
bool has_arm_i8mm();

}  // namespace vivace
