# The tests run the program itself.
add_dependencies(tests_cli vivace)
target_compile_definitions(tests_cli PRIVATE VIVACE_PROGRAM="$<TARGET_FILE:vivace>")
