// Nothing that goes wrong around a model file ends the program by a signal or leaves it hanging: each system call and
// allocation fails in turn, the file is cut, grows or vanishes at each access, the disk is full.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

#include "../cli/program_run.h"
#include "../cli/tiny_text_model.h"

namespace vivace::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlain = "VIVACE_FAULTS_NONE=1";

struct Subcommand {
  std::string name;
  std::function<std::vector<std::string>(const ScratchFolder&)> arguments;
  std::string out = "";  // a file that it writes
};
void PrintTo(const Subcommand& command, std::ostream* out) { *out << command.name; }

std::string in(const ScratchFolder& scratch, const char* name) { return (scratch / name).string(); }

/// What loads a model leaves GPUs alone: their drivers don't survive an allocation that fails.
std::vector<Subcommand> subcommands() {
  return {
      {"inspect",
       [](const ScratchFolder& s) {
         return std::vector<std::string>{"inspect", in(s, "tiny.gguf"), "--json"};
       }},
      {"dump",
       [](const ScratchFolder& s) {
         return std::vector<std::string>{"inspect", in(s, "tiny.gguf"), "--tensor", "blk.1.attn_q.weight",
                                         "--out",   in(s, "out"),       "--json"};
       },
       "out"},
      {"tokenize",
       [](const ScratchFolder& s) {
         return std::vector<std::string>{"tokenize", in(s, "tiny.gguf"), "--file", in(s, "text"), "--json"};
       }},
      {"render",
       [](const ScratchFolder& s) {
         return std::vector<std::string>{"render", in(s, "tiny.gguf"), "--messages", in(s, "messages.json")};
       }},
      {"score",
       [](const ScratchFolder& s) {
         return std::vector<std::string>{"score",      in(s, "tiny.gguf"), "--tokens", in(s, "ids.i32"), "--logits",
                                         in(s, "out"), "--threads",        "2",        "--gpu-layers",   "0"};
       },
       "out"},
      {"run",
       [](const ScratchFolder& s) {
         return std::vector<std::string>{"run",
                                         in(s, "tiny.gguf"),
                                         "Hello",
                                         "--max-tokens",
                                         "3",
                                         "--temperature",
                                         "0",
                                         "--quiet",
                                         "--server",
                                         "none",
                                         "--ignore-eos",
                                         "--threads",
                                         "2",
                                         "--gpu-layers",
                                         "0"};
       }},
  };
}

std::string model_bytes() {
  static const std::string bytes = [] {
    const ScratchFolder scratch;
    write_tiny_text_model(scratch / "tiny.gguf");
    return read_whole(scratch / "tiny.gguf");
  }();
  return bytes;
}

/// A database with a result in it.
std::string database_bytes() {
  static const std::string bytes = [] {
    const ScratchFolder scratch;
    write_whole(scratch / "tiny.gguf", model_bytes());
    const std::vector<std::string> bench = {
        "bench", in(scratch, "tiny.gguf"), "--prompt", "8", "--generate", "2", "--repeat", "1", "--gpu-layers", "0"};
    run_vivace(bench, {.environment = {"VIVACE_HOME=" + in(scratch, "home")}});
    return read_whole(scratch / "home/vivace.db");
  }();
  return bytes;
}

void fill(const ScratchFolder& scratch) {
  fs::create_directory(scratch / "home");
  write_whole(scratch / "home/vivace.db", database_bytes());
  write_whole(scratch / "tiny.gguf", model_bytes());
  write_whole(scratch / "text", "Hello, world. " + std::string(3000, 'x'));
  write_whole(scratch / "messages.json", R"([{"role":"user","content":"Hi"}])");
  std::string ids;
  for (char i = 1; i < 40; ++i) ids += {i, 0, 0, 0};
  write_whole(scratch / "ids.i32", ids);
}

/// The lines of `text` that begin with "error:".
int error_lines(const std::string& text) {
  int count = 0;
  for (size_t at = 0; at < text.size();) {
    if (text.compare(at, 6, "error:") == 0) ++count;
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return count;
}

/// Success, or a documented failure that says what it is in one line; no signal, no hang.
void expect_clear_end(const ProgramResult& result, const std::string& what) {
  const bool known = result.exit_code == 0 || result.exit_code == 1 || result.exit_code == 3 || result.exit_code == 4;
  EXPECT_TRUE(known) << what << ": exit code " << result.exit_code << "\n" << result.err;
  EXPECT_EQ(error_lines(result.err), result.exit_code == 0 ? 0 : 1) << what << "\n" << result.err;
}

/// In a home of the scratch folder's own: a fault must not meet what belongs to the user.
RunOptions limited(const ScratchFolder& scratch, std::vector<std::string> environment = {}) {
  environment.push_back(kPlain);
  environment.push_back("VIVACE_HOME=" + in(scratch, "home"));
  return {.environment = std::move(environment), .wrapper = {"timeout", "-s", "KILL", "60"}};
}

void expect_no_leftovers(const ScratchFolder& scratch, const std::string& what) {
  for (const auto& entry : fs::directory_iterator(scratch.path())) {
    const std::string name = entry.path().filename().string();
    const bool ours = name == "tiny.gguf" || name == "text" || name == "messages.json" || name == "ids.i32" ||
                      name == "out" || name == "fired" || name == "home";
    EXPECT_TRUE(ours) << what << " left " << name;
  }
  for (const auto& entry : fs::directory_iterator(scratch / "home")) {
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(name.find("set-aside"), std::string::npos) << what << " took a sound database for a damaged one";
  }
}

#ifdef VIVACE_FAULT_LIBRARY

struct Fault {
  std::string name;          // of the test
  std::string call, action;  // for fault_preload.c
  bool of_model = false;     // only calls on the model file count
  std::string least_bytes = "0";
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

std::vector<Fault> faults() {
  return {{"OpenFails", "open", "fail", true},
          {"OtherOpenFails", "open", "fail", false},
          {"ReadFails", "read", "fail", false},
          {"PreadFails", "pread", "fail", false},
          {"MmapFails", "mmap", "fail", false},
          {"FstatFails", "fstat", "fail", false},
          {"LargeAllocationFails", "malloc", "fail", false, "32768"},
          {"AllocationFails", "malloc", "fail", false, "1024"},
          {"ThreadFails", "thread", "fail", false},
          {"WriteFails", "write", "fail", false},
          {"PwriteFails", "pwrite", "fail", false},
          {"FsyncFails", "fsync", "fail", false},
          {"RenameFails", "rename", "fail", false},
          {"FileIsCut", "pread", "cut", true},
          {"FileIsCutWhenMapped", "mmap", "cut", true},
          {"FileGrows", "pread", "grow", true},
          {"FileVanishes", "pread", "remove", true},
          {"FileVanishesBeforeOpen", "open", "remove", true}};
}

using Case = std::tuple<Subcommand, Fault>;
class EachCall : public ::testing::TestWithParam<Case> {};

// What has to be the same when the fault was survived; `run` and `score` print times on standard error only.
std::string product(const ScratchFolder& scratch, const Subcommand& command, const ProgramResult& result) {
  if (command.name == "score") return read_whole(scratch / command.out);
  return result.out + (command.out.empty() ? "" : read_whole(scratch / command.out));
}

// inspect prints the size of the file, and the file's place differs from run to run.
std::string without_place(std::string text, const ScratchFolder& scratch) {
  const std::string place = scratch.path().string();
  for (size_t at; (at = text.find(place)) != std::string::npos;) text.erase(at, place.size());
  return text;
}

TEST_P(EachCall, EndsClearly) {
  const auto& [command, fault] = GetParam();
  const ScratchFolder good;
  fill(good);
  const ProgramResult whole = run_vivace(command.arguments(good), limited(good));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const std::string expected = without_place(product(good, command, whole), good);
  const std::string expected_file = command.out.empty() ? "" : read_whole(good / command.out);
  int failures = 0;
  // Every call at first, then ever fewer: some programs read thousands of small files of the system.
  for (int n = 0, runs = 0;; n += n < 24 ? 1 : n / 6, ++runs) {
    ASSERT_LT(runs, 120);
    const ScratchFolder scratch;
    fill(scratch);
    const std::string what = fault.call + " " + std::to_string(n);
    RunOptions options =
        limited(scratch, {"LD_PRELOAD=" VIVACE_FAULT_LIBRARY,
                          "VIVACE_FAULT=" + fault.call + ":" + std::to_string(n) + ":" + fault.action,
                          "VIVACE_FAULT_FIRED=" + in(scratch, "fired"), "VIVACE_FAULT_BYTES=" + fault.least_bytes});
    if (fault.of_model) options.environment.push_back("VIVACE_FAULT_FILE=" + in(scratch, "tiny.gguf"));
    // timeout(1) is not what is tested.
    options.wrapper = {"timeout", "-s", "KILL", "60", "env"};
    options.wrapper.insert(options.wrapper.end(), options.environment.begin(), options.environment.end());
    options.environment.clear();
    const ProgramResult result = run_vivace(command.arguments(scratch), options);
    expect_clear_end(result, what);
    expect_no_leftovers(scratch, what);
    if (result.exit_code == 0 && fault.action != "grow") {
      EXPECT_EQ(without_place(product(scratch, command, result), scratch), expected) << what;
    }
    if (result.exit_code != 0 && !command.out.empty() && fs::exists(scratch / command.out)) {
      EXPECT_EQ(read_whole(scratch / command.out), expected_file) << what << " left a broken result";
    }
    failures += HasFailure();
    if (failures > 3) return;
    if (!fs::exists(scratch / "fired")) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, EachCall,
                         ::testing::Combine(::testing::ValuesIn(subcommands()), ::testing::ValuesIn(faults())),
                         [](const auto& test) { return std::get<0>(test.param).name + std::get<1>(test.param).name; });

#else

const bool kSaid = std::printf("did not run: faults by preloading (the sanitizers come first)\n") > 0;
TEST(EachCall, DidNotRun) { EXPECT_TRUE(kSaid); }

#endif

class OddFile : public ::testing::TestWithParam<Subcommand> {};

TEST_P(OddFile, EveryLengthIsAnErrorOrWhole) {
  const std::string bytes = model_bytes();
  for (const size_t length : {size_t{0}, size_t{3}, size_t{4}, size_t{23}, size_t{24}, size_t{1000}, bytes.size() / 2,
                              bytes.size() - 1, bytes.size() + 1, bytes.size() + 100000}) {
    const ScratchFolder scratch;
    fill(scratch);
    std::string changed = bytes.substr(0, length);
    changed.resize(length, '\xAA');
    write_whole(scratch / "tiny.gguf", changed);
    const ProgramResult result = run_vivace(GetParam().arguments(scratch), limited(scratch));
    expect_clear_end(result, std::to_string(length) + " bytes");
    EXPECT_EQ(result.exit_code == 0, length >= bytes.size()) << length << "\n" << result.err;
    expect_no_leftovers(scratch, std::to_string(length));
  }
}

TEST_P(OddFile, WhatIsNoFile) {
  const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> kinds = {
      {"folder", [](const fs::path& p) { fs::create_directory(p); }},
      {"dangling link", [](const fs::path& p) { fs::create_symlink("nowhere", p); }},
      {"loop", [](const fs::path& p) { fs::create_symlink(p.filename(), p); }},
      {"device", [](const fs::path& p) { fs::create_symlink("/dev/zero", p); }},
      {"empty device", [](const fs::path& p) { fs::create_symlink("/dev/null", p); }},
      {"unreadable memory", [](const fs::path& p) { fs::create_symlink("/proc/self/mem", p); }},
      {"pipe", [](const fs::path& p) { ASSERT_EQ(mkfifo(p.c_str(), 0600), 0); }},
      {"nothing", [](const fs::path&) {}}};
  for (const auto& [name, make] : kinds) {
    const ScratchFolder scratch;
    fill(scratch);
    fs::remove(scratch / "tiny.gguf");
    make(scratch / "tiny.gguf");
    const ProgramResult result = run_vivace(GetParam().arguments(scratch), limited(scratch));
    EXPECT_TRUE(result.exit_code >= 1 && result.exit_code <= 3) << name << ": " << result.exit_code << "\n"
                                                                << result.err;
    EXPECT_EQ(error_lines(result.err), 1) << name << "\n" << result.err;
  }
}

TEST_P(OddFile, NoPermission) {
  if (geteuid() == 0) {
    std::printf("did not run: files without permission (root may read everything)\n");
    return;
  }
  const ScratchFolder scratch;
  fill(scratch);
  fs::permissions(scratch / "tiny.gguf", fs::perms::none);
  const ProgramResult result = run_vivace(GetParam().arguments(scratch), limited(scratch));
  EXPECT_NE(result.exit_code, 0);
  expect_clear_end(result, "no permission");
}

TEST_P(OddFile, StandardOutputIsFull) {
  const ScratchFolder scratch;
  fill(scratch);
  RunOptions options = limited(scratch);
  options.out_file = "/dev/full";
  const ProgramResult result = run_vivace(GetParam().arguments(scratch), options);
  expect_clear_end(result, "full");
  EXPECT_EQ(result.exit_code, 1);
}

INSTANTIATE_TEST_SUITE_P(Faults, OddFile, ::testing::ValuesIn(subcommands()),
                         [](const auto& test) { return test.param.name; });

// A disk of 8 KiB of its own, where the system lets a user mount one.
TEST(FullDisk, ResultsAreWholeOrNotThere) {
  const ScratchFolder scratch;
  fill(scratch);
  fs::create_directory(scratch / "disk");
  const std::string script = "mount -t tmpfs -o size=8k none '" + in(scratch, "disk") +
                             "' || exit 99; \"$@\"; code=$?; "
                             "ls -A '" +
                             in(scratch, "disk") + "' >&2; exit $code";
  const std::vector<std::string> wrapper = {"unshare", "-rm", "sh", "-c", script, "sh"};
  std::vector<std::string> probe = wrapper;
  probe.push_back("true");
  if (run_command(probe, {}).exit_code != 0) {
    std::printf("did not run: full disk (mounting is not permitted here)\n");
    return;
  }
  for (const Subcommand& command : subcommands()) {
    if (command.out.empty()) continue;
    std::vector<std::string> arguments = command.arguments(scratch);
    for (std::string& argument : arguments) {
      if (argument == in(scratch, "out")) argument = in(scratch, "disk/out");
    }
    RunOptions options = limited(scratch);
    options.wrapper = wrapper;
    const ProgramResult result = run_vivace(arguments, options);
    EXPECT_EQ(result.exit_code, 1) << command.name << "\n" << result.err;
    expect_clear_end(result, command.name);
    EXPECT_EQ(result.err.find("\nout"), std::string::npos) << result.err;
    EXPECT_TRUE(result.err.find("space") != std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace vivace::test
