if(TARGET vivace_vulkan)
  target_link_libraries(tests_offload PRIVATE vivace_vulkan)
endif()
set_property(TEST tests_offload PROPERTY PROCESSORS 2)
