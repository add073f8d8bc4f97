# Script (cmake -P): one cargo build. Offline where the registry cache suffices, so that a machine without a network can
# rebuild; the second run prints what is wrong.
set(command "${CMAKE_COMMAND}" -E env "CARGO_TARGET_DIR=${TARGET_DIR}" "${CARGO}" build --release --locked --quiet)
execute_process(COMMAND ${command} --offline WORKING_DIRECTORY "${FOLDER}" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if(failed)
  execute_process(COMMAND ${command} WORKING_DIRECTORY "${FOLDER}" RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "cargo build failed in ${FOLDER}")
  endif()
endif()
get_filename_component(folder "${LIBRARY}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
file(COPY_FILE "${TARGET_DIR}/release/${NAME}" "${LIBRARY}")
file(TOUCH "${LIBRARY}")
