// Standard output and standard error: checked writes, and what the terminal can do.
#pragma once

#include <string>
#include <string_view>

namespace vivace {

/// Thrown by Console::out when the reader of standard output went away (a closed pipe): the program ends quietly.
struct OutputClosed {};

/// Used by one thread at a time. Text goes out at once, unbuffered.
class Console {
 public:
  /// `plain`: no colours whatever the terminal can do.
  explicit Console(bool plain);

  /// Writes to standard output. Throws OutputClosed, or Error kIo where the system refuses (disk full).
  void out(std::string_view text);
  /// Writes to standard error; a failure there is nobody's business.
  void err(std::string_view text);

  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  bool in_is_terminal() const { return in_is_terminal_; }
  /// Columns of the terminal at standard error; 80 where unknown.
  int width() const;

  /// The text in faint, bold or red for standard error, unchanged where that shows no colours.
  std::string faint(std::string_view text) const { return styled("2", text); }
  std::string bold(std::string_view text) const { return styled("1", text); }
  std::string red(std::string_view text) const { return styled("31", text); }

 private:
  std::string styled(const char* code, std::string_view text) const;

  bool colours_ = false;
  bool in_is_terminal_ = false;
  bool out_is_terminal_ = false;
  bool err_is_terminal_ = false;
};

}  // namespace vivace
