# The one program: src/cli/main.cpp, linked with the cli module.
if(EXISTS "${CMAKE_SOURCE_DIR}/src/cli/main.cpp")
  add_executable(vivace "${CMAKE_SOURCE_DIR}/src/cli/main.cpp")
  target_link_libraries(vivace PRIVATE vivace_cli)
  set_target_properties(vivace PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
  install(TARGETS vivace RUNTIME DESTINATION bin)
endif()
