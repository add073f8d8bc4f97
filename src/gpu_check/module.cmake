# The program; main.cpp is no part of the library.
add_executable(vivace-gpu-check EXCLUDE_FROM_ALL "${CMAKE_SOURCE_DIR}/src/gpu_check/main.cpp")
target_link_libraries(vivace-gpu-check PRIVATE vivace_gpu_check)
set_target_properties(vivace-gpu-check PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
