// Libraries that are looked for while the program runs, so that it starts where they are missing.
#pragma once

#include <initializer_list>
#include <string>

namespace vivace {

class SharedLibrary {
 public:
  /// Opens the first of these names that the system finds; none is no error, see operator bool.
  SharedLibrary(std::initializer_list<const char*> names);
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  explicit operator bool() const { return handle_ != nullptr; }
  /// The address of a function, or null.
  void* find(const char* name) const;

 private:
  void* handle_ = nullptr;
};

}  // namespace vivace
