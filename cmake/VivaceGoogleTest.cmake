# GoogleTest is the installed library, or is built from VIVACE_GTEST_SOURCE where no library fits (cross builds).
set(VIVACE_GTEST_SOURCE "" CACHE PATH "Sources of GoogleTest to build instead of using the installed library")
if(VIVACE_TESTS AND VIVACE_GTEST_SOURCE)
  include(FetchContent)
  set(BUILD_GMOCK OFF CACHE BOOL "" FORCE)
  set(INSTALL_GTEST OFF CACHE BOOL "" FORCE)
  FetchContent_Declare(GTest SOURCE_DIR "${VIVACE_GTEST_SOURCE}" OVERRIDE_FIND_PACKAGE)
endif()
