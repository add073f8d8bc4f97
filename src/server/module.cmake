# Metrics are prometheus-cpp's; only its core is linked, the server itself answers /metrics.
find_package(prometheus-cpp REQUIRED COMPONENTS core)
target_link_libraries(vivace_server PRIVATE prometheus-cpp::core)
target_compile_definitions(vivace_server PRIVATE VIVACE_VERSION="${PROJECT_VERSION}")
