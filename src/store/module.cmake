# SQLite, behind database.h.
find_package(SQLite3 REQUIRED)
target_link_libraries(vivace_store PRIVATE SQLite::SQLite3)
