#include "gpu_check/report.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>

namespace vivace::gpu_check {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    char code[8];
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 32) {
      std::snprintf(code, sizeof code, "\\u%04x", unsigned(c));
      result += code;
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) result += (result.empty() ? "" : ", ") + quoted(text);
  return "[" + result + "]";
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", std::isfinite(value) ? value : 0.0);
  return text;
}

std::string section_json(const Section& section) {
  std::string figures;
  for (const auto& [name, value] : section.figures) {
    figures += (figures.empty() ? "" : ", ") + quoted(name) + ": " + number(value);
  }
  return "{\"checks\": " + std::to_string(section.checks) + ", \"failures\": " + list_of(section.failures) +
         ", \"skipped\": " + list_of(section.skipped) + ",\n      \"figures\": {" + figures +
         "}, \"seconds\": " + number(section.seconds) + "}";
}

}  // namespace

void Section::expect(bool right, const std::string& what) {
  constexpr size_t kMost = 50;
  ++checks;
  if (right) return;
  if (failures.size() < kMost) failures.push_back(what);
  std::fprintf(stderr, "FAILED %s: %s\n", name.c_str(), what.c_str());
}

void Report::run(const std::string& name, const std::function<void(Section&)>& body) {
  Section& section = sections_.emplace_back();
  section.name = name;
  const auto start = std::chrono::steady_clock::now();
  try {
    body(section);
  } catch (const std::exception& error) {
    section.expect(false, std::string("ended by an error: ") + error.what());
  }
  section.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::fprintf(stderr, "%-8s %6lld checks, %zu failed, %.1f s\n", name.c_str(), static_cast<long long>(section.checks),
               section.failures.size(), section.seconds);
  for (const std::string& what : section.skipped) std::fprintf(stderr, "did not run: %s\n", what.c_str());
  for (const auto& [what, value] : section.figures) {
    std::fprintf(stderr, "  %-44s %s\n", what.c_str(), number(value).c_str());
  }
}

int64_t Report::failures() const {
  int64_t count = 0;
  for (const Section& section : sections_) count += int64_t(section.failures.size());
  return count;
}

std::string Report::json() const {
  std::string sections;
  for (const Section& section : sections_) {
    sections += (sections.empty() ? "" : ",\n") + ("    " + quoted(section.name)) + ": " + section_json(section);
  }
  return "{\n  \"device\": " + quoted(device_) + ",\n  \"sections\": {\n" + sections + "\n  }\n}\n";
}

}  // namespace vivace::gpu_check
