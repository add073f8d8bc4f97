# The CUDA backend over its emulator, where that is built and has every operation.
if(TARGET vivace_cuda_emulated AND EXISTS "${CMAKE_SOURCE_DIR}/src/backends/cuda/attention.cu")
  target_link_libraries(tests_ops PRIVATE vivace_cuda_emulated)
endif()
