// Lines from a user: with editing and history on a terminal, plain from a file or pipe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cli/console.h"

namespace vivace {

class LineEditor {
 public:
  enum class Status { kLine, kEnd, kInterrupted };

  /// The history is read from the file, which need not exist, and written back by the destructor. Without a terminal
  /// there is neither editing nor history.
  LineEditor(Console& console, std::filesystem::path history_file);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Reads a line, without its newline. The prompt is shown on a terminal only. kInterrupted: Ctrl-C was pressed.
  Status read(const std::string& prompt, std::string& line);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vivace
