// Opens GGUF files (versions 2 and 3, also split ones): metadata, tensor directory, tensor data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/os/file.h"
#include "gguf/metadata.h"
#include "gguf/tensor_info.h"

namespace vivace {

enum class AccessMode {
  kMap,   // tensor data is mapped: tensor_data() and read_tensor()
  kRead,  // tensor data is read on demand: read_tensor() only
};

/// One file of a model; a model that isn't split has one.
struct GgufPart {
  std::filesystem::path path;  // empty for memory
  uint64_t bytes = 0;          // when it was opened
  uint64_t header_bytes = 0;
  uint64_t data_offset = 0;
  uint32_t alignment = 0;
  size_t tensor_count = 0;
};

/// An open model file. Movable; views it hands out live as long as it does. Reading is safe from several threads.
///
/// The header is copied when the file is opened, so metadata stays valid whatever happens to the file. All opening
/// functions throw Error kInvalidFile naming file, field and byte; kUnsupported for version 1; kNotFound and kIo.
/// They allocate at most a small multiple of the header's bytes (which end within 1 GiB).
class GgufFile {
 public:
  /// Opens a file; the first of a split model (…-00001-of-0000N.gguf) opens all. `lookup` gives the sizes of tensor
  /// types; an unknown type is an error.
  static GgufFile open(const std::filesystem::path& path, TensorTypeLookup lookup, AccessMode mode = AccessMode::kMap);
  /// As open, for metadata and directory only: the tensors' data may be missing.
  static GgufFile open_header(const std::filesystem::path& path, TensorTypeLookup lookup);

  /// A file in memory, which must outlive the result; several spans are the files of a split model, in order.
  static GgufFile open_memory(std::span<const uint8_t> bytes, TensorTypeLookup lookup);
  static GgufFile open_memory(std::span<const std::span<const uint8_t>> parts, TensorTypeLookup lookup);
  /// The header from a file's first bytes (which are copied), for example the start of a download; nothing where more
  /// bytes are needed. Of a split model it describes this one file.
  static std::optional<GgufFile> open_header_memory(std::span<const uint8_t> prefix, TensorTypeLookup lookup);

  GgufFile(GgufFile&&) noexcept = default;
  GgufFile& operator=(GgufFile&&) noexcept = default;

  /// Of the first file; the others of a split model add nothing but their place.
  const Metadata& metadata() const { return metadata_; }
  /// All tensors of all files, in the files' order.
  std::span<const TensorInfo> tensors() const { return tensors_; }
  /// Null where there is none.
  const TensorInfo* find_tensor(std::string_view name) const;
  /// Throws kInvalidFile where there is none.
  const TensorInfo& get_tensor(std::string_view name) const;

  uint32_t version() const { return version_; }
  /// Of the first file.
  uint32_t alignment() const { return parts_.front().alignment; }
  std::span<const GgufPart> files() const { return parts_; }
  /// Bytes of all files.
  uint64_t file_bytes() const;
  /// Bytes of all tensors, without padding.
  uint64_t tensor_bytes() const;
  /// True where tensor_data() works.
  bool has_mapped_data() const { return access_ == Access::kMapped; }

  /// A tensor's bytes in the mapping (kMap and open_memory). Call check_sizes() before trusting a file that others may
  /// shorten: touching bytes that are gone raises SIGBUS.
  std::span<const uint8_t> tensor_data(const TensorInfo& tensor) const;
  /// Copies out.size() bytes from byte `offset` of a tensor's data, in both modes; throws kInvalidArgument outside the
  /// tensor, kIo where the file was shortened.
  void read_tensor(const TensorInfo& tensor, uint64_t offset, std::span<uint8_t> out) const;
  /// Maps file `file_index`, in any mode; the map may outlive this object. Throws kIo where the file was shortened,
  /// kInvalidArgument where it is memory.
  MappedFile map_file(uint32_t file_index) const;
  /// Throws kIo where a file is shorter than when it was opened.
  void check_sizes() const;

 private:
  enum class Access { kHeader, kMapped, kRead };
  // Where a part's bytes come from: a file, a file with a map, or memory.
  struct Source {
    File file;
    MappedFile map;
    std::span<const uint8_t> memory;
    const File* open_file() const;
    std::span<const uint8_t> bytes() const { return map.bytes().empty() ? memory : map.bytes(); }
  };

  explicit GgufFile(Access access) : access_(access) {}
  static GgufFile open_files(const std::filesystem::path& path, TensorTypeLookup lookup, Access access);
  void add_file(const std::filesystem::path& path, TensorTypeLookup lookup);
  void add_part(struct Header header, GgufPart part, Source source);
  void index_tensors();
  void check_tensor(const TensorInfo& tensor) const;
  void check_size(size_t file_index, uint64_t bytes_now) const;

  Access access_;
  uint32_t version_ = 0;
  std::vector<std::vector<uint8_t>> headers_;  // the bytes that metadata_ refers to
  Metadata metadata_;
  std::vector<GgufPart> parts_;
  std::vector<Source> sources_;
  std::vector<TensorInfo> tensors_;
  std::vector<uint32_t> by_name_;  // indices into tensors_, sorted by name
};

}  // namespace vivace
