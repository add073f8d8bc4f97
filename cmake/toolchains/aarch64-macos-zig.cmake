# Compiles for macOS on Arm with zig, a clang that brings the headers (scripts/setup.sh --ports puts it below build/zig).
# Nothing is linked: there are no frameworks.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(zig "${CMAKE_CURRENT_LIST_DIR}/../../build/zig/ziglang/zig")
set(CMAKE_C_COMPILER "${zig}" cc -target aarch64-macos)
set(CMAKE_CXX_COMPILER "${zig}" c++ -target aarch64-macos)
set(CMAKE_OSX_SYSROOT "")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
