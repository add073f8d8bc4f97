// Steps that have to be done even where memory runs out.
#pragma once

#include <chrono>
#include <new>
#include <thread>

namespace vivace {

/// Does `step` again, with a rest in between, until there is memory for it. For what others wait for and whose failure
/// nobody could be told of: a message between threads, the end of a server. It must bear to be done again.
template <class Step>
void with_memory(const Step& step) {
  for (;;) {
    try {
      return step();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace vivace
