// Changing stacks: what a function call preserves is pushed on the old stack and popped from the new one.
#pragma once

namespace vivace::cuda {

/// Leaves the stack pointer in *from and goes on where `to` was left.
extern "C" void vivace_emulator_switch(void** from, void* to);

/// A stack whose first switch enters `entry`, which never returns. `top` is the end of the stack, a multiple of 16.
void* make_stack(void* top, void (*entry)());

}  // namespace vivace::cuda
