# The CUDA backend over its emulator, where that is built.
if(TARGET vivace_cuda_emulated)
  target_link_libraries(tests_ops PRIVATE vivace_cuda_emulated)
endif()
if(TARGET vivace_vulkan)
  target_link_libraries(tests_ops PRIVATE vivace_vulkan)
endif()
