// Reads the environment and runs the program.
#include <clocale>

#include "base/os/paths.h"
#include "cli/interrupt.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");  // the line editor reads characters; numbers stay those of the "C" locale
  vivace::install_interrupt_handler();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return vivace::run_program(arguments, vivace::read_environment());
}
