// POSIX files and memory maps.
#include "base/os/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace vivace {
namespace {

constexpr size_t kMaxTransfer = size_t{1} << 30;  // Linux moves at most 2 GiB - 4 KiB a call
constexpr uint64_t kMaxOffset = static_cast<uint64_t>(std::numeric_limits<off_t>::max());

[[noreturn]] void fail(const char* action, const std::filesystem::path& path, int error) {
  const bool missing = error == ENOENT || error == ENOTDIR;
  const ErrorCode code = missing ? ErrorCode::kNotFound : error == ENOMEM ? ErrorCode::kOutOfMemory : ErrorCode::kIo;
  throw Error(code,
              std::string("can't ") + action + " '" + path.string() + "': " + std::system_category().message(error));
}

void check_range(const std::filesystem::path& path, uint64_t offset, size_t bytes) {
  if (offset > kMaxOffset || bytes > kMaxOffset - offset) {
    throw Error(ErrorCode::kIo, "'" + path.string() + "': offset " + std::to_string(offset) + " is out of range");
  }
}

int open_descriptor(const std::filesystem::path& path, int flags) {
  // O_NONBLOCK: opening a pipe by mistake must not hang; regular files ignore it.
  for (;;) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
    if (descriptor >= 0 || errno != EINTR) return descriptor;
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // the file itself is safe; some file systems refuse this
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

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

File File::open(const std::filesystem::path& path, FileMode mode) {
  const int flags = mode == FileMode::kRead ? O_RDONLY : mode == FileMode::kReadWrite ? O_RDWR : O_RDWR | O_CREAT;
  const int descriptor = open_descriptor(path, flags);
  if (descriptor < 0) fail("open", path, errno);
  File file(descriptor, path);
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) fail("stat", path, errno);
  if (!S_ISREG(status.st_mode)) {
    const char* kind = S_ISDIR(status.st_mode) ? "a folder" : "not a regular file";
    throw Error(ErrorCode::kIo, "can't open '" + path.string() + "': it is " + kind);
  }
  if (mode == FileMode::kCreate && ::ftruncate(descriptor, 0) != 0) fail("empty", path, errno);
  return file;
}

std::optional<File> File::create_new(const std::filesystem::path& path) {
  const int descriptor = open_descriptor(path, O_RDWR | O_CREAT | O_EXCL);
  if (descriptor < 0 && errno == EEXIST) return std::nullopt;
  if (descriptor < 0) fail("create", path, errno);
  return File(descriptor, path);
}

uint64_t File::size_now() const {
  struct stat status = {};
  if (::fstat(descriptor_, &status) != 0) fail("stat", path_, errno);
  return static_cast<uint64_t>(status.st_size);
}

size_t File::pread_some(uint64_t offset, std::span<uint8_t> out) const {
  check_range(path_, offset, out.size());
  size_t done = 0;
  while (done < out.size()) {
    const size_t wanted = std::min(out.size() - done, kMaxTransfer);
    const ssize_t got = ::pread(descriptor_, out.data() + done, wanted, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path_, errno);
    done += static_cast<size_t>(got);
  }
  return done;
}

void File::pread_exact(uint64_t offset, std::span<uint8_t> out) const {
  const size_t done = pread_some(offset, out);
  if (done == out.size()) return;
  throw Error(ErrorCode::kIo,
              "can't read " + std::to_string(out.size()) + " bytes at byte " + std::to_string(offset) + " of '" +
                  path_.string() + "': it ends at byte " + std::to_string(offset + done),
              "The file may be incomplete, or it was shortened while it was in use.");
}

void File::pwrite_exact(uint64_t offset, std::span<const uint8_t> data) {
  check_range(path_, offset, data.size());
  size_t done = 0;
  while (done < data.size()) {
    const size_t wanted = std::min(data.size() - done, kMaxTransfer);
    const ssize_t put = ::pwrite(descriptor_, data.data() + done, wanted, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("write", path_, put == 0 ? ENOSPC : errno);
    done += static_cast<size_t>(put);
  }
}

void File::sync() {
  if (::fsync(descriptor_) != 0) fail("sync", path_, errno);
}

void File::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

MappedFile::MappedFile(File file) : file_(std::move(file)) {
  const uint64_t size = file_.size_now();
  if (size == 0) return;
  if (size > std::numeric_limits<size_t>::max()) fail("map", file_.path(), ENOMEM);
  const size_t bytes = static_cast<size_t>(size);
  void* start = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file_.descriptor(), 0);
  if (start == MAP_FAILED) fail("map", file_.path(), errno);
  bytes_ = {static_cast<const uint8_t*>(start), bytes};
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

void MappedFile::unmap() {
  if (!bytes_.empty()) ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  constexpr int kAttempts = 16;  // each with a new name, for the unlikely clash
  for (int attempt = 1;; ++attempt) {
    const auto ticks = std::chrono::steady_clock::now().time_since_epoch().count();
    temporary_ = path_;
    temporary_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(ticks);
    std::optional<File> file = File::create_new(temporary_);
    if (file) {
      file_ = std::move(*file);
      return;
    }
    if (attempt == kAttempts) fail("create", temporary_, EEXIST);
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
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename to", path_, errno);
  file_.close();
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

void write_file_atomic(const std::filesystem::path& path, std::span<const uint8_t> data) {
  AtomicFile file(path);
  file.append(data);
  file.commit();
}

}  // namespace vivace
