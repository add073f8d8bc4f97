// What the check found: counts, failures and figures by section, as one JSON object.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace vivace::gpu_check {

struct Section {
  std::string name;
  int64_t checks = 0;
  std::vector<std::string> failures;
  std::vector<std::string> skipped;                     // what did not run, and why
  std::vector<std::pair<std::string, double>> figures;  // in the unit that the name ends with
  double seconds = 0;

  /// Counts a check; where it is false, `what` is a failure.
  void expect(bool right, const std::string& what);
  void skip(const std::string& what) { skipped.push_back(what); }
  void add(const std::string& figure, double value) { figures.emplace_back(figure, value); }
};

class Report {
 public:
  explicit Report(std::string device) : device_(std::move(device)) {}

  /// Runs a section; an exception that leaves it is a failure of it. Prints what it found to standard error.
  void run(const std::string& name, const std::function<void(Section&)>& body);
  int64_t failures() const;
  /// {"device", "sections": {name: {"checks", "failures", "skipped", "figures", "seconds"}}}
  std::string json() const;

 private:
  std::string device_;
  std::vector<Section> sections_;
};

}  // namespace vivace::gpu_check
