if(VIVACE_SANITIZE)
  target_compile_definitions(tests_serve PRIVATE VIVACE_SANITIZED)
endif()
