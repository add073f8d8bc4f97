# The Vulkan backend: src/backends/vulkan and its compute shaders, which glslc compiles into the program.
option(VIVACE_VULKAN "The Vulkan backend; needs glslc and Vulkan's headers (libvulkan-dev)" OFF)

set(VIVACE_VULKAN_FOLDER "${CMAKE_SOURCE_DIR}/src/backends/vulkan")
set(VIVACE_WEIGHT_FORMATS f32 f16 q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k q4_k q5_k q6_k iq2_xxs iq2_xs iq3_xxs iq1_s iq4_nl
    iq3_s iq2_s iq4_xs iq1_m bf16 tq1_0 tq2_0 mxfp4 nvfp4 q1_0 q2_0)
set(VIVACE_KV_FORMATS f32 f16 q8_0 q4_0)

# One shader to SPIR-V, as a C initialiser in <folder>/<name>.inc. Further arguments go to glslc.
function(vivace_shader source name)
  set(output "${CMAKE_BINARY_DIR}/shaders/${name}.inc")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${VIVACE_GLSLC}" --target-env=vulkan1.2 -O -Werror -I "${VIVACE_VULKAN_FOLDER}/shaders" ${ARGN} -mfmt=c
            -MD -MF "${output}.d" -MT "${output}" -o "${output}" "${source}"
    DEPENDS "${source}"
    DEPFILE "${output}.d"
    COMMENT "Compiling shader ${name}"
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY VIVACE_SHADERS "${name}")
endfunction()

# What the first line of a .comp asks for: "// variants: <list> …" compiles it once for each element of each list:
# weight_formats and kv_formats (-DFORMAT_<name>), or a word (-D<WORD>). Else it is one shader, called like the file.
function(vivace_shader_file source)
  get_filename_component(stem "${source}" NAME_WE)
  file(STRINGS "${source}" head LIMIT_COUNT 1)
  if(NOT head MATCHES "^// variants: (.*)$")
    vivace_shader("${source}" "${stem}")
    return()
  endif()
  string(REPLACE " " ";" words "${CMAKE_MATCH_1}")
  foreach(word ${words})
    if(word MATCHES "^(weight|kv)_formats$")
      string(TOUPPER "VIVACE_${word}" list)
      foreach(format ${${list}})
        vivace_shader("${source}" "${stem}_${format}" -DFORMAT_${format})
      endforeach()
    else()
      string(TOUPPER "${word}" define)
      vivace_shader("${source}" "${stem}_${word}" -D${define})
    endif()
  endforeach()
endfunction()

# The table of all shaders, sorted by name: kernels() of kernel.h.
function(vivace_shader_table output)
  get_property(names GLOBAL PROPERTY VIVACE_SHADERS)
  list(SORT names)
  set(text "#include \"backends/vulkan/kernel.h\"\n\nnamespace vivace::vulkan {\nnamespace {\n")
  set(rows "")
  foreach(name ${names})
    string(APPEND text "constexpr uint32_t k_${name}[] =\n#include \"shaders/${name}.inc\"\n;\n")
    string(APPEND rows "    {\"${name}\", k_${name}, sizeof(k_${name}) / 4},\n")
    set_property(SOURCE "${output}" APPEND PROPERTY OBJECT_DEPENDS "${CMAKE_BINARY_DIR}/shaders/${name}.inc")
  endforeach()
  string(APPEND text "constexpr Kernel kTable[] = {\n${rows}};\n}  // namespace\n\n")
  string(APPEND text "std::span<const Kernel> kernels() { return kTable; }\n\n}  // namespace vivace::vulkan\n")
  file(CONFIGURE OUTPUT "${output}" CONTENT "${text}" @ONLY)
  set_source_files_properties("${output}" PROPERTIES GENERATED TRUE)
endfunction()

if(VIVACE_VULKAN)
  find_program(VIVACE_GLSLC glslc REQUIRED)
  find_path(VIVACE_VULKAN_INCLUDE vulkan/vulkan.h REQUIRED)
  file(GLOB shaders CONFIGURE_DEPENDS "${VIVACE_VULKAN_FOLDER}/shaders/*.comp")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${shaders})  # their first lines are read here
  foreach(shader ${shaders})
    vivace_shader_file("${shader}")
  endforeach()
  set(table "${CMAKE_BINARY_DIR}/shaders/kernels.cpp")
  vivace_shader_table("${table}")
  file(GLOB sources CONFIGURE_DEPENDS "${VIVACE_VULKAN_FOLDER}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cpp$")
  add_library(vivace_vulkan STATIC ${sources} "${table}")
  target_include_directories(vivace_vulkan PRIVATE "${CMAKE_BINARY_DIR}")
  target_include_directories(vivace_vulkan SYSTEM PUBLIC "${VIVACE_VULKAN_INCLUDE}")
  target_compile_definitions(vivace_vulkan PUBLIC VIVACE_VULKAN)
  target_link_libraries(vivace_vulkan PUBLIC vivace_flags vivace_device PRIVATE ${CMAKE_DL_LIBS})
endif()

# Tests beside the code; what has no GPU needs none.
function(vivace_add_vulkan_tests)
  if(NOT VIVACE_VULKAN OR NOT VIVACE_TESTS)
    return()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS "${VIVACE_VULKAN_FOLDER}/*_test.cpp")
  if(tests)
    find_package(GTest REQUIRED)
    add_executable(vulkan_test ${tests})
    target_link_libraries(vulkan_test PRIVATE vivace_vulkan GTest::gtest GTest::gtest_main)
    add_test(NAME vulkan COMMAND vulkan_test)
  endif()
endfunction()
