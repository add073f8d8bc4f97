# The tests run the program itself.
add_dependencies(tests_cli vivace)
target_compile_definitions(tests_cli PRIVATE VIVACE_PROGRAM="$<TARGET_FILE:vivace>")
if(TARGET vivace_vulkan)
  target_link_libraries(tests_cli PRIVATE vivace_vulkan)
endif()
