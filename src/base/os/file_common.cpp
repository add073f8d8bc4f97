// What file.h does above the system's calls, alike everywhere.
#include <chrono>
#include <limits>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/os/file.h"
#include "base/os/file_system.h"

namespace vivace {

void throw_file_error(const char* action, const std::filesystem::path& path, const std::error_code& error) {
  const bool missing = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  const bool memory = error == std::errc::not_enough_memory;
  const ErrorCode code = missing ? ErrorCode::kNotFound : memory ? ErrorCode::kOutOfMemory : ErrorCode::kIo;
  throw Error(code, std::string("can't ") + action + " '" + path.string() + "': " + error.message());
}

void check_file_range(const std::filesystem::path& path, uint64_t offset, size_t bytes) {
  constexpr uint64_t kMaxOffset = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (offset > kMaxOffset || bytes > kMaxOffset - offset) {
    throw Error(ErrorCode::kIo, "'" + path.string() + "': offset " + std::to_string(offset) + " is out of range");
  }
}

File::~File() { close(); }

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

void File::pread_exact(uint64_t offset, std::span<uint8_t> out) const {
  const size_t done = pread_some(offset, out);
  if (done == out.size()) return;
  throw Error(ErrorCode::kIo,
              "can't read " + std::to_string(out.size()) + " bytes at byte " + std::to_string(offset) + " of '" +
                  path_.string() + "': it ends at byte " + std::to_string(offset + done),
              "The file may be incomplete, or it was shortened while it was in use.");
}

MappedFile::~MappedFile() { unmap(); }

MappedFile::MappedFile(MappedFile&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    file_ = std::move(other.file_);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

MappedFile MappedFile::open(const std::filesystem::path& path) { return MappedFile(File::open(path)); }

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  constexpr int kAttempts = 16;  // each with a new name, for the unlikely clash
  for (int attempt = 1;; ++attempt) {
    const auto ticks = std::chrono::steady_clock::now().time_since_epoch().count();
    temporary_ = path_;
    temporary_ += ".tmp-" + std::to_string(std::random_device{}()) + "-" + std::to_string(ticks);
    std::optional<File> file = File::create_new(temporary_);
    if (file) {
      file_ = std::move(*file);
      return;
    }
    if (attempt == kAttempts) {
      throw_file_error("create", temporary_, std::make_error_code(std::errc::file_exists));
    }
  }
}

AtomicFile::~AtomicFile() {
  if (!file_.is_open()) return;
  file_.close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::append(std::span<const uint8_t> data) {
  file_.pwrite_exact(size_, data);
  size_ += data.size();
}

void AtomicFile::commit() {
  file_.sync();
  file_.close();  // Windows renames no open file
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(temporary_, ignored);
    throw_file_error("rename to", path_, error);
  }
  sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

std::vector<uint8_t> read_file_to_memory(const std::filesystem::path& path, uint64_t max_bytes) {
  constexpr size_t kStep = size_t{64} << 10;
  const File file = File::open(path);
  const uint64_t size = file.size_now();
  const auto check = [&](uint64_t bytes) {
    if (bytes <= max_bytes) return;
    throw Error(ErrorCode::kIo, "'" + path.string() + "' holds more than " + std::to_string(max_bytes) + " bytes");
  };
  check(size);
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  size_t done = file.pread_some(0, bytes);
  // Pseudo files tell no size, and a log may have grown: read on until the end.
  while (done == bytes.size()) {
    bytes.resize(done + kStep);
    done += file.pread_some(done, std::span(bytes).subspan(done));
    check(done);
  }
  bytes.resize(done);
  return bytes;
}

std::string read_text_file(const std::filesystem::path& path, uint64_t most) {
  const std::vector<uint8_t> bytes = read_file_to_memory(path, most);
  return std::string(bytes.begin(), bytes.end());
}

void write_file_atomic(const std::filesystem::path& path, std::span<const uint8_t> data) {
  AtomicFile file(path);
  file.append(data);
  file.commit();
}

}  // namespace vivace
