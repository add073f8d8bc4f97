// POSIX files and memory maps; Windows: file_windows.cpp.
#if !defined(_WIN32)
#include "base/os/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/os/file_system.h"

namespace vivace {
namespace {

[[noreturn]] void fail(const char* action, const std::filesystem::path& path, int error) {
  throw_file_error(action, path, std::error_code(error, std::system_category()));
}

int open_descriptor(const std::filesystem::path& path, int flags) {
  // O_NONBLOCK: opening a pipe by mistake must not hang; regular files ignore it.
  for (;;) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
    if (descriptor >= 0 || errno != EINTR) return descriptor;
  }
}

}  // namespace

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // the file itself is safe; some file systems refuse this
  ::fsync(descriptor);
  ::close(descriptor);
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

File File::duplicate() const {
  const int descriptor = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) fail("open", path_, errno);
  return File(descriptor, path_);
}

uint64_t File::size_now() const {
  struct stat status = {};
  if (::fstat(descriptor_, &status) != 0) fail("stat", path_, errno);
  return static_cast<uint64_t>(status.st_size);
}

size_t File::pread_some(uint64_t offset, std::span<uint8_t> out) const {
  check_file_range(path_, offset, out.size());
  size_t done = 0;
  while (done < out.size()) {
    const size_t wanted = std::min(out.size() - done, kMaxFileTransfer);
    const ssize_t got = ::pread(descriptor_, out.data() + done, wanted, static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path_, errno);
    done += static_cast<size_t>(got);
  }
  return done;
}

void File::pwrite_exact(uint64_t offset, std::span<const uint8_t> data) {
  check_file_range(path_, offset, data.size());
  size_t done = 0;
  while (done < data.size()) {
    const size_t wanted = std::min(data.size() - done, kMaxFileTransfer);
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

void MappedFile::unmap() {
  if (!bytes_.empty()) ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

}  // namespace vivace
#endif
