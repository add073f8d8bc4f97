# The one program: src/cli/main.cpp is in the cli module; this only links it.
if(EXISTS "${CMAKE_SOURCE_DIR}/src/cli/main.cc")
  add_executable(vivace "${CMAKE_SOURCE_DIR}/src/cli/main.cc")
  target_link_libraries(vivace PRIVATE vivace_cli)
  set_target_properties(vivace PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
  install(TARGETS vivace RUNTIME DESTINATION bin)
endif()
