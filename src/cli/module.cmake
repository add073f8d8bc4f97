# The command line's libraries, each behind one wrapper: CLI11 (arguments.cpp), spdlog (log_sink.cpp), libedit
# (line_editor.cpp). The script that fetches models travels inside the program.
find_package(PkgConfig REQUIRED)
find_path(VIVACE_CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_package(spdlog REQUIRED)
pkg_check_modules(VIVACE_EDIT REQUIRED IMPORTED_TARGET libedit)
target_link_libraries(vivace_cli PRIVATE spdlog::spdlog PkgConfig::VIVACE_EDIT)
target_compile_definitions(vivace_cli PRIVATE VIVACE_VERSION="${PROJECT_VERSION}")

set(fetch_script "${CMAKE_SOURCE_DIR}/scripts/fetch_models.py")
set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${fetch_script}")
file(READ "${fetch_script}" VIVACE_FETCH_SCRIPT)
configure_file("${CMAKE_SOURCE_DIR}/src/cli/fetch_script.cpp.in" "${CMAKE_BINARY_DIR}/generated/fetch_script.cpp" @ONLY)
target_sources(vivace_cli PRIVATE "${CMAKE_BINARY_DIR}/generated/fetch_script.cpp")
