# Boost.Asio and Beast (headers only), OpenSSL and libcurl, all only inside src/net.
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
target_link_libraries(vivace_net PRIVATE Boost::headers OpenSSL::SSL OpenSSL::Crypto CURL::libcurl)
target_compile_definitions(vivace_net PRIVATE BOOST_ASIO_NO_DEPRECATED)
