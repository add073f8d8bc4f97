#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "base/error.h"
#include "cli/exit_code.h"

namespace vivace {
namespace {

// The one mutable global of the program: a signal handler can reach nothing else.
std::atomic<int> pending_signals{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void count_signal(int) {
  if (pending_signals.fetch_add(1) + 1 >= 3) _exit(kExitCancelled);
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = count_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

bool interrupted() { return pending_signals.load() > 0; }

void clear_interrupt() { pending_signals.store(0); }

void throw_if_interrupted() {
  if (interrupted()) throw Error(ErrorCode::kCancelled, "cancelled");
}

}  // namespace vivace
