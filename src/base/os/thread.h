// What the standard library can't do to a thread.
#pragma once

namespace vivace {

/// Keeps the calling thread on one logical CPU. False where the system refuses or has no such call.
bool pin_this_thread(int cpu);

/// Names the calling thread for debuggers and top (15 bytes are kept).
void name_this_thread(const char* name);

}  // namespace vivace
