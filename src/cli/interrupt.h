// Ctrl-C: the signal handler only counts; whoever works looks.
#pragma once

namespace vivace {

/// Catches SIGINT and SIGTERM and ignores SIGPIPE. Blocking reads are interrupted, not restarted. The third signal that
/// nobody took notice of ends the process with kExitCancelled. Call once, from main.
void install_interrupt_handler();

/// True once a signal came, until cleared.
bool interrupted();
void clear_interrupt();

/// Throws Error kCancelled when interrupted.
void throw_if_interrupted();

}  // namespace vivace
