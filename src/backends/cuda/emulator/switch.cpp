#include "backends/cuda/emulator/switch.h"

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
asm(R"(
  .text
  .globl vivace_emulator_switch
  .type vivace_emulator_switch, @function
vivace_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size vivace_emulator_switch, . - vivace_emulator_switch
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl vivace_emulator_switch
  .type vivace_emulator_switch, %function
vivace_emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size vivace_emulator_switch, . - vivace_emulator_switch
)");
#else
#error "The emulator knows the stacks of x86-64 and of 64-bit Arm."
#endif

namespace vivace::cuda {

void* make_stack(void* top, void (*entry)()) {
  uintptr_t* stack = static_cast<uintptr_t*>(top);
#if defined(__x86_64__)
  // Six registers, the return address, and a word above it: a function begins 8 bytes below a multiple of 16.
  constexpr size_t kWords = 8, kEntry = 6;
#else
  constexpr size_t kWords = 20, kEntry = 11;  // x30
#endif
  stack -= kWords;
  for (size_t i = 0; i < kWords; ++i) stack[i] = 0;
  stack[kEntry] = reinterpret_cast<uintptr_t>(entry);
  return stack;
}

}  // namespace vivace::cuda
