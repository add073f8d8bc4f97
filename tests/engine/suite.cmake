# The GPU backends that run without a GPU, where they are built.
foreach(backend vivace_cuda_emulated vivace_vulkan)
  if(TARGET ${backend})
    target_link_libraries(tests_engine PRIVATE ${backend})
  endif()
endforeach()
