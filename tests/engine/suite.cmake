# The CUDA backend over its emulator, where that is built.
if(TARGET vivace_cuda_emulated)
  target_link_libraries(tests_engine PRIVATE vivace_cuda_emulated)
endif()
