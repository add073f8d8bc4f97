# Boost.Asio and Beast (headers only) and OpenSSL, both only inside src/net.
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
target_link_libraries(vivace_net PRIVATE Boost::headers OpenSSL::SSL OpenSSL::Crypto)
target_compile_definitions(vivace_net PRIVATE BOOST_ASIO_NO_DEPRECATED)
