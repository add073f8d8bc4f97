# vivace_rust_library(<target> <folder>): builds the Rust crate in <folder> with cargo and imports its static library.
# The crate's own Cargo.lock pins all versions. The build folder is shared between the presets.
set(VIVACE_RUST_TARGET_DIR "${CMAKE_SOURCE_DIR}/build/text-rs" CACHE PATH "Build folder of the Rust crates")
set(VIVACE_CARGO_MINIMUM 1.87)

# The first cargo that is new enough, under its own name or the one of Debian's second package.
function(vivace_find_cargo)
  if(VIVACE_CARGO)
    return()
  endif()
  foreach(name cargo cargo-web)
    unset(candidate)
    find_program(candidate NAMES ${name} HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin" NO_CACHE)
    if(candidate)
      execute_process(COMMAND "${candidate}" --version OUTPUT_VARIABLE version ERROR_QUIET)
      if(version MATCHES "cargo ([0-9]+\\.[0-9]+)" AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL VIVACE_CARGO_MINIMUM)
        set(VIVACE_CARGO "${candidate}" CACHE FILEPATH "cargo ${VIVACE_CARGO_MINIMUM} or later")
        return()
      endif()
    endif()
  endforeach()
  message(FATAL_ERROR "cargo ${VIVACE_CARGO_MINIMUM} or later is needed for text-rs (Debian 12: apt install rustc-web cargo-web), or set VIVACE_CARGO, or VIVACE_CORE_ONLY=ON")
endfunction()

function(vivace_rust_library target folder)
  vivace_find_cargo()
  set(library "${CMAKE_BINARY_DIR}/rust/lib${target}.a")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/src/*.rs")
  add_custom_command(
    OUTPUT "${library}"
    COMMAND ${CMAKE_COMMAND} -DCARGO=${VIVACE_CARGO} -DFOLDER=${folder} -DTARGET_DIR=${VIVACE_RUST_TARGET_DIR}
            -DNAME=lib${target}.a -DLIBRARY=${library} -P "${CMAKE_SOURCE_DIR}/cmake/VivaceCargo.cmake"
    DEPENDS ${sources} "${folder}/Cargo.toml" "${folder}/Cargo.lock" "${CMAKE_SOURCE_DIR}/cmake/VivaceCargo.cmake"
    COMMENT "Building ${folder} with cargo"
    VERBATIM)
  add_custom_target(${target}_cargo DEPENDS "${library}")
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${library}" INTERFACE_INCLUDE_DIRECTORIES "${folder}/include")
  target_link_libraries(${target} INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(${target} ${target}_cargo)
endfunction()
