// Runs the built program as a user would: arguments, environment, standard input; gives back what it wrote.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "../support/scratch_folder.h"
#include "base/json.h"

namespace vivace::test {

struct ProgramResult {
  int exit_code = -1;
  std::string out, err;
  double seconds = 0;
  Json json() const { return parse_json(out); }
};

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_whole(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct RunOptions {
  std::string input = {};                     // standard input; a pipe, never a terminal
  std::vector<std::string> environment = {};  // "NAME=value", over ours
  std::vector<std::string> wrapper = {};      // a command to run the program under
  std::string out_file = {};                  // standard output goes there instead
};

/// Runs `arguments[0]`, found in PATH.
inline ProgramResult run_command(const std::vector<std::string>& arguments, const RunOptions& options) {
  const ScratchFolder scratch;
  write_whole(scratch / "in", options.input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string in = (scratch / "in").string(), err = (scratch / "err").string();
  const std::string out = options.out_file.empty() ? (scratch / "out").string() : options.out_file;
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<std::string> environment = options.environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  std::vector<char*> argv, envp;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  for (const std::string& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  ProgramResult result;
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  if (posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), envp.data()) != 0) return result;
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  waitpid(child, &status, 0);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (options.out_file.empty()) result.out = read_whole(out);
  result.err = read_whole(err);
  return result;
}

/// Runs vivace.
inline ProgramResult run_vivace(std::vector<std::string> arguments, RunOptions options = {}) {
  std::vector<std::string> command = options.wrapper;
  command.push_back(VIVACE_PROGRAM);
  command.insert(command.end(), arguments.begin(), arguments.end());
  options.environment.push_back("VIVACE_SERVER=none");  // whatever runs on this machine
  return run_command(command, options);
}

}  // namespace vivace::test
