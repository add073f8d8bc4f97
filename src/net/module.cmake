# Boost.Asio and Beast (headers only), OpenSSL and libcurl, all only inside src/net.
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)  # its headers alone: the library is opened when something is fetched
target_link_libraries(vivace_net PRIVATE Boost::headers OpenSSL::SSL OpenSSL::Crypto)
target_include_directories(vivace_net PRIVATE ${CURL_INCLUDE_DIRS})
target_compile_definitions(vivace_net PRIVATE BOOST_ASIO_NO_DEPRECATED)
