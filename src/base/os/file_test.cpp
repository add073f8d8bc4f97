// File, MappedFile, AtomicFile and their errors.
#include "base/os/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <numeric>
#include <string>

#include "base/error.h"

namespace vivace {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("vivace-file-" + std::to_string(::getpid()) + "-" + std::string(info->name()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

std::vector<uint8_t> numbers(size_t count) {
  std::vector<uint8_t> bytes(count);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  return bytes;
}

template <class Action>
void expect_error(ErrorCode code, const std::string& part, Action action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected one with: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST_F(FileTest, WritesAndReadsAtOffsets) {
  const auto path = folder_ / "a.bin";
  {
    File file = File::open(path, FileMode::kCreate);
    file.pwrite_exact(0, numbers(100));
    file.pwrite_exact(50, numbers(10));
    file.sync();
    EXPECT_EQ(file.size_now(), 100u);
  }
  File file = File::open(path);
  std::vector<uint8_t> out(20);
  file.pread_exact(45, out);
  EXPECT_EQ(out[0], 45);
  EXPECT_EQ(out[5], 0);
  EXPECT_EQ(out[14], 9);
  EXPECT_EQ(out[15], 60);
  EXPECT_EQ(file.pread_some(95, out), 5u);
  EXPECT_EQ(file.pread_some(200, out), 0u);
  expect_error(ErrorCode::kIo, "ends at byte 100", [&] { file.pread_exact(90, out); });
  expect_error(ErrorCode::kIo, "out of range", [&] { file.pread_exact(UINT64_MAX, out); });
}

TEST_F(FileTest, MovesOwnership) {
  const auto path = folder_ / "a.bin";
  write_file_atomic(path, numbers(10));
  File first = File::open(path);
  File second = std::move(first);
  EXPECT_FALSE(first.is_open());
  EXPECT_EQ(second.size_now(), 10u);
  MappedFile map(std::move(second));
  MappedFile other;
  other = std::move(map);
  EXPECT_TRUE(map.bytes().empty());
  EXPECT_EQ(other.bytes().size(), 10u);
  EXPECT_EQ(other.bytes()[9], 9);
}

TEST_F(FileTest, NamesWhatCannotBeOpened) {
  expect_error(ErrorCode::kNotFound, "missing.bin", [&] { File::open(folder_ / "missing.bin"); });
  expect_error(ErrorCode::kNotFound, "No such file", [&] { File::open(folder_ / "no" / "missing.bin"); });
  expect_error(ErrorCode::kIo, "a folder", [&] { File::open(folder_); });
  const auto pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_error(ErrorCode::kIo, "not a regular file", [&] { File::open(pipe); });
}

TEST_F(FileTest, NamesOutsideAscii) {
  const auto path = folder_ / std::filesystem::path(u8"mod\u00e8le \u6a21\u578b.bin");
  write_file_atomic(path, numbers(3));
  EXPECT_EQ(read_file_to_memory(path), numbers(3));
  EXPECT_EQ(MappedFile::open(path).bytes().size(), 3u);
}

TEST_F(FileTest, MapsEmptyAndLargeFiles) {
  const auto path = folder_ / "a.bin";
  write_file_atomic(path, {});
  EXPECT_TRUE(MappedFile::open(path).bytes().empty());
  write_file_atomic(path, numbers(100000));
  const MappedFile map = MappedFile::open(path);
  EXPECT_TRUE(std::equal(map.bytes().begin(), map.bytes().end(), numbers(100000).begin()));
}

TEST_F(FileTest, SeesThatAMappedFileWasShortened) {
  const auto path = folder_ / "a.bin";
  write_file_atomic(path, numbers(10000));
  const MappedFile map = MappedFile::open(path);
  std::filesystem::resize_file(path, 10);
  EXPECT_EQ(map.size_now(), 10u);
  EXPECT_EQ(map.bytes().size(), 10000u);
  std::vector<uint8_t> out(100);
  expect_error(ErrorCode::kIo, "ends at byte 10", [&] { map.file().pread_exact(0, out); });
}

TEST_F(FileTest, ReadsPseudoFiles) {
  const auto bytes = read_file_to_memory("/proc/self/status");
  EXPECT_NE(std::string(bytes.begin(), bytes.end()).find("Pid:"), std::string::npos);
}

TEST_F(FileTest, RefusesMoreThanTheCallerAllows) {
  const auto path = folder_ / "a.bin";
  write_file_atomic(path, numbers(100));
  EXPECT_EQ(read_file_to_memory(path, 100).size(), 100u);
  expect_error(ErrorCode::kIo, "more than 99 bytes", [&] { read_file_to_memory(path, 99); });
}

TEST_F(FileTest, AtomicFileReplacesOrLeavesNothing) {
  const auto path = folder_ / "a.bin";
  write_file_atomic(path, numbers(5));
  {
    AtomicFile file(path);
    file.append(numbers(7));
    EXPECT_EQ(read_file_to_memory(path), numbers(5));
  }
  EXPECT_EQ(read_file_to_memory(path), numbers(5));
  {
    AtomicFile file(path);
    file.append(numbers(4));
    file.append(numbers(3));
    file.commit();
  }
  EXPECT_EQ(read_file_to_memory(path), (std::vector<uint8_t>{0, 1, 2, 3, 0, 1, 2}));
  const auto entries = std::filesystem::directory_iterator(folder_);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
  expect_error(ErrorCode::kNotFound, "create", [&] { write_file_atomic(folder_ / "no" / "a.bin", {}); });
}

}  // namespace
}  // namespace vivace
