// The files of catalog/ as text. Made by CMake (module.cmake).
#pragma once

#include <string>

namespace vivace {

std::string hardware_text();
std::string models_text();
std::string claims_text();
std::string published_text();

}  // namespace vivace
