# Tokenizers need PCRE2 (pre-split rules) and utf8proc (Unicode); both only inside src/text.
find_package(PkgConfig REQUIRED)
pkg_check_modules(VIVACE_PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.40)
pkg_check_modules(VIVACE_UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
target_link_libraries(vivace_text ${VIVACE_MODULE_SCOPE} PkgConfig::VIVACE_PCRE2 PkgConfig::VIVACE_UTF8PROC)

# Chat templates are rendered by the Rust crate in text-rs/.
include(VivaceRust)
vivace_rust_library(vivace_text_rs "${CMAKE_SOURCE_DIR}/text-rs")
target_link_libraries(vivace_text ${VIVACE_MODULE_SCOPE} vivace_text_rs)
