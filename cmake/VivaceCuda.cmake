# The sources of src/backends/cuda three times: by nvcc for NVIDIA GPUs (VIVACE_CUDA), by hipcc for AMD GPUs (target
# vivace_hip, compiled only), and by the C++ compiler over an emulator of the machine, for tests (vivace_cuda_emulated).
option(VIVACE_CUDA "The CUDA backend; needs nvcc 13, from scripts/setup.sh --cuda or the PATH" OFF)
option(VIVACE_HIP "The target vivace_hip: the CUDA backend compiled by hipcc" OFF)
set(VIVACE_CUDA_CODE "90a;80-virtual;75-virtual" CACHE STRING "What nvcc compiles for: machine code, or PTX that drivers compile")
set(VIVACE_CUDA_ROOT "${CMAKE_SOURCE_DIR}/build/cuda/nvidia/cu13" CACHE PATH "Toolkit of scripts/setup.sh --cuda")

set(VIVACE_CUDA_FOLDER "${CMAKE_SOURCE_DIR}/src/backends/cuda")
file(GLOB VIVACE_CUDA_KERNELS CONFIGURE_DEPENDS "${VIVACE_CUDA_FOLDER}/*.cu")
file(GLOB VIVACE_CUDA_SOURCES CONFIGURE_DEPENDS "${VIVACE_CUDA_FOLDER}/*.cpp")
file(GLOB VIVACE_CUDA_TESTS CONFIGURE_DEPENDS "${VIVACE_CUDA_FOLDER}/*_test.cpp" "${VIVACE_CUDA_FOLDER}/emulator/*_test.cpp")
file(GLOB VIVACE_CUDA_EMULATOR CONFIGURE_DEPENDS "${VIVACE_CUDA_FOLDER}/emulator/*.cpp")
list(FILTER VIVACE_CUDA_SOURCES EXCLUDE REGEX "_(test|bench)\\.cpp$")
list(FILTER VIVACE_CUDA_EMULATOR EXCLUDE REGEX "_test\\.cpp$")

# A custom command for each kernel file: object files in <list>. CMake's own CUDA language would test the compiler by
# linking, which the packages of PyPI are not laid out for.
function(vivace_gpu_objects list folder)
  cmake_parse_arguments(ARG "" "" "COMMAND" ${ARGN})
  foreach(source ${VIVACE_CUDA_KERNELS})
    get_filename_component(name "${source}" NAME)
    set(object "${CMAKE_BINARY_DIR}/${folder}/${name}.o")
    add_custom_command(
      OUTPUT "${object}"
      COMMAND ${CMAKE_COMMAND} -E make_directory "${CMAKE_BINARY_DIR}/${folder}"
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${ARG_COMMAND} -c "${source}" -o "${object}" -MD -MF "${object}.d"
      DEPENDS "${source}"
      DEPFILE "${object}.d"
      COMMENT "Compiling ${name} (${folder})"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set(${list} ${objects} PARENT_SCOPE)
endfunction()

if(VIVACE_CUDA)
  find_program(VIVACE_NVCC nvcc HINTS "${VIVACE_CUDA_ROOT}/bin" REQUIRED)
  get_filename_component(root "${VIVACE_NVCC}" REALPATH)
  get_filename_component(root "${root}" DIRECTORY)
  get_filename_component(root "${root}" DIRECTORY)
  find_path(VIVACE_CUDA_INCLUDE cuda_runtime.h HINTS "${root}/include" "${root}/targets/x86_64-linux/include" REQUIRED)
  find_library(VIVACE_CUDART cudart_static HINTS "${root}/lib" "${root}/lib64" "${root}/targets/x86_64-linux/lib" REQUIRED)
  set(nvcc "${VIVACE_NVCC}" -std=c++20 -O3 --expt-relaxed-constexpr -ccbin "${CMAKE_CXX_COMPILER}"
      -I "${CMAKE_SOURCE_DIR}/src" -Xcompiler -fPIC,-ffp-contract=off)
  foreach(code ${VIVACE_CUDA_CODE})
    if(code MATCHES "^(.*)-virtual$")
      list(APPEND nvcc -gencode arch=compute_${CMAKE_MATCH_1},code=compute_${CMAKE_MATCH_1})
    else()
      list(APPEND nvcc -gencode arch=compute_${code},code=sm_${code})
    endif()
  endforeach()
  if(VIVACE_WERROR)
    list(APPEND nvcc -Werror all-warnings)
  endif()
  vivace_gpu_objects(objects cuda COMMAND ${nvcc})
  add_library(vivace_cuda STATIC ${objects} ${VIVACE_CUDA_SOURCES})
  target_include_directories(vivace_cuda SYSTEM PRIVATE "${VIVACE_CUDA_INCLUDE}")
  target_link_libraries(vivace_cuda PUBLIC vivace_flags vivace_device PRIVATE "${VIVACE_CUDART}" ${CMAKE_DL_LIBS} rt)
  add_executable(cuda_matmul_bench EXCLUDE_FROM_ALL "${VIVACE_CUDA_FOLDER}/matmul_bench.cpp")
  target_link_libraries(cuda_matmul_bench PRIVATE vivace_cuda)
endif()

if(VIVACE_HIP)
  find_program(VIVACE_HIPCC hipcc REQUIRED)
  set(hipcc "${VIVACE_HIPCC}" -std=c++20 -O2 -DVIVACE_GPU_HIP -I "${CMAKE_SOURCE_DIR}/src" --offload-arch=gfx90a
      --offload-arch=gfx1030 -Wall -Wno-unused-parameter -Wno-pass-failed)
  if(VIVACE_WERROR)
    list(APPEND hipcc -Werror)
  endif()
  vivace_gpu_objects(objects hip COMMAND ${hipcc})
  add_custom_target(vivace_hip DEPENDS ${objects})
endif()

# The emulated device, for tests on the machines whose stacks the emulator knows. Its symbols are in a namespace of its
# own, so that one program may hold both. Builds with sanitizers go without it: they don't follow its fibers.
function(vivace_add_emulated_cuda)
  if(NOT VIVACE_TESTS OR VIVACE_SANITIZE OR NOT CMAKE_SYSTEM_NAME STREQUAL Linux
     OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|aarch64|arm64)$")
    return()
  endif()
  set(flags -O2)
  set_source_files_properties(${VIVACE_CUDA_KERNELS} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++;${flags}")
  set_source_files_properties(${VIVACE_CUDA_EMULATOR} PROPERTIES COMPILE_OPTIONS "${flags}")
  add_library(vivace_cuda_emulated STATIC ${VIVACE_CUDA_KERNELS} ${VIVACE_CUDA_SOURCES} ${VIVACE_CUDA_EMULATOR})
  target_compile_options(vivace_cuda_emulated PRIVATE -Wno-unknown-pragmas)
  target_compile_definitions(vivace_cuda_emulated PUBLIC VIVACE_CUDA_EMULATED PRIVATE VIVACE_GPU_EMULATED cuda=cuda_emulated)
  target_link_libraries(vivace_cuda_emulated PUBLIC vivace_flags vivace_device)
  if(VIVACE_CUDA_TESTS)
    find_package(GTest REQUIRED)
    add_executable(cuda_emulated_test ${VIVACE_CUDA_TESTS})
    target_compile_definitions(cuda_emulated_test PRIVATE VIVACE_GPU_EMULATED cuda=cuda_emulated)
    target_compile_options(cuda_emulated_test PRIVATE -Wno-unknown-pragmas)
    target_link_libraries(cuda_emulated_test PRIVATE vivace_cuda_emulated GTest::gtest GTest::gtest_main)
    add_test(NAME cuda_emulated COMMAND cuda_emulated_test)
  endif()
endfunction()
