target_link_libraries(tests_offload PRIVATE vivace_vulkan)
add_dependencies(tests_offload vivace-gpu-check)
target_compile_definitions(tests_offload PRIVATE VIVACE_PROGRAM="" VIVACE_GPU_CHECK="$<TARGET_FILE:vivace-gpu-check>")
set_property(TEST tests_offload PROPERTY PROCESSORS 2)
