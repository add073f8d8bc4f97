# The CPU kernels are compiled once per instruction set (backends/cpu/isa/<isa>.cpp), each file with its own flags, and
# optimised in every build type. Sets of other machines are left out. Vector sets go without sanitizers, which multiply
# the compile time of unrolled kernels by ten: the scalar set runs the same kernels with them.
function(vivace_isa name)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND ARGN -fno-tree-ter -fno-tree-reassoc)  # they part sums from their products, and registers spill
  endif()
  if(NOT name STREQUAL "scalar" AND VIVACE_SANITIZE)
    list(APPEND ARGN -fno-sanitize=all)
  endif()
  set(options -O2 ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND options -fno-tree-ter -fno-tree-reassoc)  # they part sums from their products, and registers spill
  endif()
  set_source_files_properties("${CMAKE_SOURCE_DIR}/src/backends/cpu/isa/${name}.cpp" TARGET_DIRECTORY vivace_backends
                              PROPERTIES COMPILE_OPTIONS "${options}")
  list(APPEND VIVACE_ISAS ${name})
  set(VIVACE_ISAS ${VIVACE_ISAS} PARENT_SCOPE)
endfunction()

set(VIVACE_ISAS "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(VIVACE_DETECT detect_x86)
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND avx512 -Wno-maybe-uninitialized -Wno-uninitialized)  # gcc 12's own avx512 headers
  endif()
  vivace_isa(avx2 ${avx2})
  vivace_isa(avx512 ${avx512})
  vivace_isa(avx512vnni ${avx512} -mavx512vnni)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(VIVACE_DETECT detect_aarch64)
  vivace_isa(neon -march=armv8.2-a+dotprod+fp16)
else()
  set(VIVACE_DETECT detect_other)
endif()
vivace_isa(scalar)

if(TARGET vivace_backends AND NOT VIVACE_MODULE_SCOPE STREQUAL INTERFACE)
  get_target_property(backend_sources vivace_backends SOURCES)
  list(FILTER backend_sources EXCLUDE REGEX "/cpu/(isa/[^/]*|detect_[^/]*)\\.cpp$")
  foreach(isa ${VIVACE_ISAS})
    list(APPEND backend_sources "${CMAKE_SOURCE_DIR}/src/backends/cpu/isa/${isa}.cpp")
  endforeach()
  list(APPEND backend_sources "${CMAKE_SOURCE_DIR}/src/backends/cpu/${VIVACE_DETECT}.cpp")
  set_property(TARGET vivace_backends PROPERTY SOURCES ${backend_sources})
endif()
