// Windows files and memory maps. The handle is kept as a descriptor of the C library, as file.h has it.
#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <windows.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/os/file.h"
#include "base/os/file_system.h"

namespace vivace {
namespace {

[[noreturn]] void fail(const char* action, const std::filesystem::path& path) {
  const DWORD error = ::GetLastError();
  throw_file_error(action, path, std::error_code(static_cast<int>(error), std::system_category()));
}

HANDLE handle_of(int descriptor) { return reinterpret_cast<HANDLE>(::_get_osfhandle(descriptor)); }

/// A descriptor that owns the handle.
int descriptor_of(HANDLE handle, const std::filesystem::path& path) {
  const int descriptor = ::_open_osfhandle(reinterpret_cast<intptr_t>(handle), _O_BINARY | _O_NOINHERIT);
  if (descriptor >= 0) return descriptor;
  ::CloseHandle(handle);
  throw Error(ErrorCode::kIo, "can't open '" + path.string() + "': too many open files");
}

/// Others may read, write, rename and remove the file meanwhile, as POSIX has it.
HANDLE open_handle(const std::filesystem::path& path, DWORD access, DWORD disposition) {
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  return ::CreateFileW(path.c_str(), access, share, nullptr, disposition, FILE_ATTRIBUTE_NORMAL, nullptr);
}

OVERLAPPED at_offset(uint64_t offset) {
  OVERLAPPED place = {};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

}  // namespace

void sync_folder(const std::filesystem::path&) {}  // NTFS keeps a journal of its names and has no call for it

File File::open(const std::filesystem::path& path, FileMode mode) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorCode::kIo, "can't open '" + path.string() + "': it is a folder");
  }
  const DWORD access = mode == FileMode::kRead ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE;
  const HANDLE handle = open_handle(path, access, mode == FileMode::kCreate ? CREATE_ALWAYS : OPEN_EXISTING);
  if (handle == INVALID_HANDLE_VALUE) fail("open", path);
  File file(descriptor_of(handle, path), path);
  if (::GetFileType(handle) != FILE_TYPE_DISK) {
    throw Error(ErrorCode::kIo, "can't open '" + path.string() + "': it is not a regular file");
  }
  return file;
}

std::optional<File> File::create_new(const std::filesystem::path& path) {
  const HANDLE handle = open_handle(path, GENERIC_READ | GENERIC_WRITE, CREATE_NEW);
  if (handle == INVALID_HANDLE_VALUE && ::GetLastError() == ERROR_FILE_EXISTS) return std::nullopt;
  if (handle == INVALID_HANDLE_VALUE) fail("create", path);
  return File(descriptor_of(handle, path), path);
}

File File::duplicate() const {
  const HANDLE process = ::GetCurrentProcess();
  HANDLE copy = nullptr;
  if (!::DuplicateHandle(process, handle_of(descriptor_), process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    fail("open", path_);
  }
  return File(descriptor_of(copy, path_), path_);
}

uint64_t File::size_now() const {
  LARGE_INTEGER size = {};
  if (!::GetFileSizeEx(handle_of(descriptor_), &size)) fail("stat", path_);
  return static_cast<uint64_t>(size.QuadPart);
}

size_t File::pread_some(uint64_t offset, std::span<uint8_t> out) const {
  check_file_range(path_, offset, out.size());
  size_t done = 0;
  while (done < out.size()) {
    const DWORD wanted = static_cast<DWORD>(std::min(out.size() - done, kMaxFileTransfer));
    OVERLAPPED place = at_offset(offset + done);
    DWORD got = 0;
    if (!::ReadFile(handle_of(descriptor_), out.data() + done, wanted, &got, &place)) {
      if (::GetLastError() == ERROR_HANDLE_EOF) break;
      fail("read", path_);
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

void File::pwrite_exact(uint64_t offset, std::span<const uint8_t> data) {
  check_file_range(path_, offset, data.size());
  size_t done = 0;
  while (done < data.size()) {
    const DWORD wanted = static_cast<DWORD>(std::min(data.size() - done, kMaxFileTransfer));
    OVERLAPPED place = at_offset(offset + done);
    DWORD put = 0;
    if (!::WriteFile(handle_of(descriptor_), data.data() + done, wanted, &put, &place)) fail("write", path_);
    done += put;
  }
}

void File::sync() {
  if (!::FlushFileBuffers(handle_of(descriptor_))) fail("sync", path_);
}

void File::close() {
  if (descriptor_ >= 0) ::_close(std::exchange(descriptor_, -1));
}

MappedFile::MappedFile(File file) : file_(std::move(file)) {
  const uint64_t size = file_.size_now();
  if (size == 0) return;
  const HANDLE mapping = ::CreateFileMappingW(handle_of(file_.descriptor()), nullptr, PAGE_READONLY, DWORD(size >> 32),
                                              DWORD(size), nullptr);
  if (mapping == nullptr) fail("map", file_.path());
  const void* start = ::MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, static_cast<size_t>(size));
  const DWORD error = ::GetLastError();
  ::CloseHandle(mapping);  // the view keeps it
  if (start == nullptr) {
    ::SetLastError(error);
    fail("map", file_.path());
  }
  bytes_ = {static_cast<const uint8_t*>(start), static_cast<size_t>(size)};
}

void MappedFile::unmap() {
  if (!bytes_.empty()) ::UnmapViewOfFile(bytes_.data());
  bytes_ = {};
}

}  // namespace vivace
#endif
