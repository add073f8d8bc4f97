// Compute shaders in the program: cmake/VivaceShaders.cmake compiles shaders/*.comp and makes the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vivace::vulkan {

/// One shader, as SPIR-V. Its name is its file's, then of the variant: "norm", "embed_q4_k".
struct Kernel {
  const char* name;
  const uint32_t* spirv;
  size_t words;
};

/// All of them, by name.
std::span<const Kernel> kernels();

/// Throws Error kInternal where there is no such shader.
const Kernel& find_kernel(std::string_view name);

}  // namespace vivace::vulkan
