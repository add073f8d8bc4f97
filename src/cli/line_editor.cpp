// The wrapper of libedit.
#include "cli/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cwchar>

#include "cli/interrupt.h"

namespace vivace {
namespace {

constexpr int kHistoryLines = 1000;

enum class ByteStatus { kByte, kEnd, kInterrupted };

ByteStatus read_byte(char& byte) {
  while (true) {
    if (interrupted()) return ByteStatus::kInterrupted;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count == 1) return ByteStatus::kByte;
    if (count == 0) return ByteStatus::kEnd;
    if (errno != EINTR) return ByteStatus::kEnd;
  }
}

}  // namespace

struct LineEditor::Impl {
  Console& console;
  std::filesystem::path history_file;
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::string prompt;

  static char* prompt_text(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return static_cast<Impl*>(data)->prompt.data();
  }

  // libedit's own reader begins anew after the first signal; this one gives up.
  static int read_character(EditLine*, wchar_t* character) {
    std::mbstate_t state{};
    while (true) {
      char byte = 0;
      const ByteStatus status = read_byte(byte);
      if (status != ByteStatus::kByte) return status == ByteStatus::kEnd ? 0 : -1;
      const size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == static_cast<size_t>(-2)) continue;  // the character goes on
      if (used == static_cast<size_t>(-1)) {
        state = {};
        continue;
      }
      return 1;
    }
  }

  void open() {
    editor = el_init("vivace", stdin, stderr, stderr);
    history = history_init();
    if (editor == nullptr || history == nullptr) return;
    HistEvent event;
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    ::history(history, &event, H_SETUNIQUE, 1);
    ::history(history, &event, H_LOAD, history_file.c_str());
    el_set(editor, EL_CLIENTDATA, this);
    el_set(editor, EL_PROMPT, &prompt_text);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_SIGNAL, 0);
    el_set(editor, EL_HIST, ::history, history);
    el_set(editor, EL_GETCFN, &read_character);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }

  Status edit(std::string& line) {
    int count = 0;
    const char* text = el_gets(editor, &count);
    if (interrupted()) {
      console.err("\n");
      return Status::kInterrupted;
    }
    if (text == nullptr || count <= 0) return Status::kEnd;
    line.assign(text, static_cast<size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    HistEvent event;
    if (!line.empty()) ::history(history, &event, H_ENTER, line.c_str());
    return Status::kLine;
  }

  Status read_plain(std::string& line) {
    line.clear();
    char byte = 0;
    while (true) {
      switch (read_byte(byte)) {
        case ByteStatus::kInterrupted:
          return Status::kInterrupted;
        case ByteStatus::kEnd:
          return line.empty() ? Status::kEnd : Status::kLine;
        case ByteStatus::kByte:
          if (byte == '\n') return Status::kLine;
          line += byte;
      }
    }
  }

  void close() {
    if (history != nullptr) {
      HistEvent event;
      std::error_code ignored;
      std::filesystem::create_directories(history_file.parent_path(), ignored);
      ::history(history, &event, H_SAVE, history_file.c_str());
      history_end(history);
    }
    if (editor != nullptr) el_end(editor);
  }
};

LineEditor::LineEditor(Console& console, std::filesystem::path history_file)
    : impl_(new Impl{console, std::move(history_file), nullptr, nullptr, {}}) {
  if (console.in_is_terminal() && console.err_is_terminal()) impl_->open();
}

LineEditor::~LineEditor() { impl_->close(); }

LineEditor::Status LineEditor::read(const std::string& prompt, std::string& line) {
  impl_->prompt = prompt;
  if (impl_->editor == nullptr || impl_->history == nullptr) return impl_->read_plain(line);
  return impl_->edit(line);
}

}  // namespace vivace
