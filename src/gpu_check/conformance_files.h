// Reads the little JSON and the raw arrays of the conformance data, without a JSON library: the core builds and is
// checked without one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace vivace::gpu_check {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("can't read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <class T>
std::vector<T> read_array(const std::filesystem::path& path) {
  const std::string bytes = read_text(path);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::copy_n(bytes.data(), values.size() * sizeof(T), reinterpret_cast<char*>(values.data()));
  return values;
}

/// The numbers after each `"key":`, in the order of the text; a plain number is a list of one.
inline std::vector<std::vector<double>> json_numbers(const std::string& text, const std::string& key) {
  std::vector<std::vector<double>> lists;
  const std::string quoted = "\"" + key + "\":";
  for (size_t at = text.find(quoted); at != std::string::npos; at = text.find(quoted, at + 1)) {
    const char* cursor = text.c_str() + at + quoted.size();
    std::vector<double>& list = lists.emplace_back();
    for (;;) {
      while (*cursor == ' ' || *cursor == '\n' || *cursor == ',' || *cursor == '[') ++cursor;
      char* end = nullptr;
      const double value = std::strtod(cursor, &end);
      if (end == cursor) break;
      list.push_back(value);
      cursor = end;
      if (*cursor == '}' || *cursor == ']' ||
          (*cursor == ',' && cursor[1] == '\n' && cursor[2] == ' ' && cursor[3] == '"'))
        break;
    }
  }
  return lists;
}

inline double json_number(const std::string& text, const std::string& key) {
  const std::vector<std::vector<double>> lists = json_numbers(text, key);
  if (lists.empty() || lists[0].empty()) throw std::runtime_error("no number " + key);
  return lists[0][0];
}

/// A string without escapes.
inline std::string json_string(const std::string& text, const std::string& key) {
  const size_t begin = text.find('"', text.find("\"" + key + "\":") + key.size() + 3) + 1;
  return text.substr(begin, text.find('"', begin) - begin);
}

}  // namespace vivace::gpu_check
