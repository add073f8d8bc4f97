// A reserve of memory for a program that must not die when it runs out: destructors of JSON allocate, and where they
// can't the program ends.
#pragma once

namespace vivace {

/// From here on an allocation (operator new) that fails is tried again with the reserve given up, once; then it throws
/// std::bad_alloc as usual. For the whole program.
void install_memory_reserve();

/// Whether the reserve is whole, made so again if need be. Nothing new should begin where it can't. True when there is
/// none installed.
bool keep_memory_reserve();

}  // namespace vivace
