# Metrics are prometheus-cpp's; only its core is linked, the server itself answers /metrics.
find_package(prometheus-cpp REQUIRED COMPONENTS core)
target_link_libraries(vivace_server PRIVATE prometheus-cpp::core)
target_compile_definitions(vivace_server PRIVATE VIVACE_VERSION="${PROJECT_VERSION}")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(vivace_server PRIVATE -O1)  # most of it is JSON that takes longer to compile than to run
endif()
