// Files: plain reads and writes at an offset, read-only memory maps, and files that appear whole or not at all.
// Paths are std::filesystem::path, so names outside ASCII work. All errors are Error{kNotFound, kIo, kOutOfMemory} with
// the path and the system's own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vivace {

enum class FileMode {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // read and write; created or emptied
};

/// An open regular file, closed by the destructor. Reads and writes name their offset, so threads may share one.
class File {
 public:
  File() = default;
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// Throws kNotFound where there is no such file, kIo where it can't be opened or is not a regular file.
  static File open(const std::filesystem::path& path, FileMode mode = FileMode::kRead);
  /// Creates a file; nothing where one exists already. Throws kNotFound without its folder, kIo.
  static std::optional<File> create_new(const std::filesystem::path& path);

  /// The same open file once more, whatever happened to its path since.
  File duplicate() const;

  bool is_open() const { return descriptor_ >= 0; }
  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }

  /// Bytes in the file at this moment; another process may change it between calls.
  uint64_t size_now() const;

  /// Fills `out` from byte `offset`. Throws kIo where the file ends before.
  void pread_exact(uint64_t offset, std::span<uint8_t> out) const;
  /// Reads at most out.size() bytes from byte `offset`; returns how many, less only at the end of the file.
  size_t pread_some(uint64_t offset, std::span<uint8_t> out) const;
  /// Writes all of `data` at byte `offset`.
  void pwrite_exact(uint64_t offset, std::span<const uint8_t> data);
  /// Waits until what was written is on the disk.
  void sync();
  void close();

 private:
  File(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_ = -1;
  std::filesystem::path path_;
};

/// A whole file mapped read-only. Touching bytes() after another process has shortened the file raises SIGBUS: compare
/// file().size_now() with bytes().size(), or read through file(), where the file isn't trusted to stay.
class MappedFile {
 public:
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  static MappedFile open(const std::filesystem::path& path);
  /// Maps an open file at its size of this moment; an empty file gives an empty span.
  explicit MappedFile(File file);

  /// The file's bytes when it was mapped; starts at a page border.
  std::span<const uint8_t> bytes() const { return bytes_; }
  const File& file() const { return file_; }
  uint64_t size_now() const { return file_.size_now(); }

 private:
  void unmap();

  File file_;
  std::span<const uint8_t> bytes_;
};

/// A file written under a temporary name beside its place and moved there by commit(): readers see the old file or the
/// whole new one. Without commit() the destructor removes it.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends at the end.
  void append(std::span<const uint8_t> data);
  uint64_t size() const { return size_; }
  /// Syncs the file, renames it over its place and syncs the folder. Call once, last.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  File file_;
  uint64_t size_ = 0;
};

/// The bytes of a file (also of /proc and /sys, whose size reads as 0). Throws kIo where it holds more than max_bytes.
std::vector<uint8_t> read_file_to_memory(const std::filesystem::path& path, uint64_t max_bytes = UINT64_MAX);

/// A text file as it is, of at most so many bytes. Throws Error kNotFound, kIo and what read_file_to_memory() throws.
std::string read_text_file(const std::filesystem::path& path, uint64_t most = uint64_t{1} << 30);

/// Replaces or creates a file by an AtomicFile.
void write_file_atomic(const std::filesystem::path& path, std::span<const uint8_t> data);

}  // namespace vivace
