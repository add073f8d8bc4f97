// Opening of files, their parts and their tensors' data.
#include "gguf/gguf.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"
#include "gguf/cursor.h"
#include "gguf/header.h"
#include "gguf/split.h"

namespace vivace {
namespace {

constexpr const char* kMemoryName = "GGUF in memory";

// Reads and parses the header of a file: the first bytes, then twice as many while it wants more.
Header read_header(const File& file, uint64_t file_bytes, TensorTypeLookup lookup, bool check_extents,
                   std::vector<uint8_t>& bytes) {
  constexpr uint64_t kFirstRead = uint64_t{256} << 10;
  const std::string origin = file.path().string();
  uint64_t wanted = kFirstRead;
  for (;;) {
    const uint64_t known = bytes.size();
    bytes.resize(static_cast<size_t>(std::min(wanted, file_bytes)));
    file.pread_exact(known, std::span(bytes).subspan(static_cast<size_t>(known)));
    try {
      return parse_header(origin, bytes, file_bytes, lookup, check_extents);
    } catch (const MoreBytesNeeded& more) {
      if (more.bytes > kMaxHeaderBytes) {
        throw Error(ErrorCode::kInvalidFile, origin + ": metadata: the header reaches beyond byte " +
                                                 std::to_string(kMaxHeaderBytes) + ", the most that is read");
      }
      wanted = std::min(std::max(more.bytes, wanted * 2), kMaxHeaderBytes);
    }
  }
}

}  // namespace

const File* GgufFile::Source::open_file() const {
  if (file.is_open()) return &file;
  return map.file().is_open() ? &map.file() : nullptr;
}

GgufFile GgufFile::open(const std::filesystem::path& path, TensorTypeLookup lookup, AccessMode mode) {
  return open_files(path, lookup, mode == AccessMode::kMap ? Access::kMapped : Access::kRead);
}

GgufFile GgufFile::open_header(const std::filesystem::path& path, TensorTypeLookup lookup) {
  return open_files(path, lookup, Access::kHeader);
}

GgufFile GgufFile::open_files(const std::filesystem::path& path, TensorTypeLookup lookup, Access access) {
  GgufFile result(access);
  result.add_file(path, lookup);
  const uint32_t count = split_count(result.metadata_);
  if (count > 1) {
    check_first_part(result.metadata_, path, count);
    for (uint32_t i = 1; i < count; ++i) result.add_file(split_path(path, i, count), lookup);
    check_tensor_total(result.metadata_, result.tensors_.size());
  }
  result.index_tensors();
  return result;
}

void GgufFile::add_file(const std::filesystem::path& path, TensorTypeLookup lookup) {
  Source source;
  source.file = File::open(path);
  GgufPart part;
  part.path = path;
  part.bytes = source.file.size_now();
  headers_.emplace_back();
  Header header = read_header(source.file, part.bytes, lookup, access_ != Access::kHeader, headers_.back());
  if (access_ == Access::kMapped) {
    source.map = MappedFile(std::move(source.file));
    if (source.map.bytes().size() != part.bytes) {
      throw Error(ErrorCode::kIo, "'" + path.string() + "' changed its size while it was opened");
    }
  }
  add_part(std::move(header), std::move(part), std::move(source));
}

// Takes over a parsed part; the metadata of all but the first only has to name its place.
void GgufFile::add_part(Header header, GgufPart part, Source source) {
  const auto index = static_cast<uint32_t>(parts_.size());
  part.header_bytes = header.header_bytes;
  part.data_offset = header.data_offset;
  part.alignment = header.alignment;
  part.tensor_count = header.tensors.size();
  for (TensorInfo& tensor : header.tensors) {
    tensor.file_index = index;
    tensors_.push_back(std::move(tensor));
  }
  if (index == 0) {
    version_ = header.version;
    metadata_ = std::move(header.metadata);
  } else {
    check_later_part(header.metadata, index, split_count(metadata_));
    if (headers_.size() > 1) headers_.pop_back();  // nothing refers to it any more
  }
  parts_.push_back(std::move(part));
  sources_.push_back(std::move(source));
}

GgufFile GgufFile::open_memory(std::span<const uint8_t> bytes, TensorTypeLookup lookup) {
  return open_memory(std::span(&bytes, 1), lookup);
}

GgufFile GgufFile::open_memory(std::span<const std::span<const uint8_t>> parts, TensorTypeLookup lookup) {
  GgufFile result(Access::kMapped);
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string origin = parts.size() == 1 ? kMemoryName : kMemoryName + (" #" + std::to_string(i + 1));
    Header header = parse_header(origin, parts[i], parts[i].size(), lookup, true);
    GgufPart part;
    part.bytes = parts[i].size();
    Source source;
    source.memory = parts[i];
    if (i == 0) check_part_count(header.metadata, parts.size());
    result.add_part(std::move(header), std::move(part), std::move(source));
  }
  if (parts.empty()) throw Error(ErrorCode::kInvalidArgument, "no bytes to open as GGUF");
  if (parts.size() > 1) check_tensor_total(result.metadata_, result.tensors_.size());
  result.index_tensors();
  return result;
}

std::optional<GgufFile> GgufFile::open_header_memory(std::span<const uint8_t> prefix, TensorTypeLookup lookup) {
  GgufFile result(Access::kHeader);
  result.headers_.emplace_back(prefix.begin(), prefix.end());
  try {
    // The file's size is unknown; the largest header stands in for it and bounds the counts.
    const uint64_t limit = std::max<uint64_t>(kMaxHeaderBytes, prefix.size());
    Header header = parse_header("GGUF header", result.headers_.back(), limit, lookup, false);
    GgufPart part;
    part.bytes = prefix.size();
    result.add_part(std::move(header), std::move(part), Source{});
  } catch (const MoreBytesNeeded&) {
    return std::nullopt;
  }
  result.index_tensors();
  return result;
}

void GgufFile::index_tensors() {
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::sort(by_name_.begin(), by_name_.end(), [this](uint32_t a, uint32_t b) {
    const int order = tensors_[a].name.compare(tensors_[b].name);
    return order != 0 ? order < 0 : a < b;
  });
  for (size_t i = 1; i < by_name_.size(); ++i) {
    const TensorInfo& first = tensors_[by_name_[i - 1]];
    const TensorInfo& second = tensors_[by_name_[i]];
    if (first.name != second.name) continue;
    const std::filesystem::path& path = parts_[second.file_index].path;
    throw Error(ErrorCode::kInvalidFile, (path.empty() ? kMemoryName : path.string()) + ": tensor " +
                                             quote_name(first.name) + " occurs twice (data at byte " +
                                             std::to_string(first.offset) + " and byte " +
                                             std::to_string(second.offset) + ")");
  }
}

const TensorInfo* GgufFile::find_tensor(std::string_view name) const {
  const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                      [this](uint32_t index, std::string_view n) { return tensors_[index].name < n; });
  if (found == by_name_.end() || tensors_[*found].name != name) return nullptr;
  return &tensors_[*found];
}

const TensorInfo& GgufFile::get_tensor(std::string_view name) const {
  const TensorInfo* tensor = find_tensor(name);
  if (tensor != nullptr) return *tensor;
  const std::filesystem::path& path = parts_.front().path;
  throw Error(ErrorCode::kInvalidFile,
              (path.empty() ? kMemoryName : path.string()) + ": tensor " + quote_name(name) + " is missing");
}

uint64_t GgufFile::file_bytes() const {
  uint64_t total = 0;
  for (const GgufPart& part : parts_) total += part.bytes;
  return total;
}

uint64_t GgufFile::tensor_bytes() const {
  uint64_t total = 0;
  for (const TensorInfo& tensor : tensors_) total += tensor.bytes;
  return total;
}

void GgufFile::check_tensor(const TensorInfo& tensor) const {
  if (access_ == Access::kHeader) {
    throw Error(ErrorCode::kInvalidArgument, "tensor " + quote_name(tensor.name) + ": only the header was opened");
  }
  const uint64_t size = tensor.file_index < parts_.size() ? parts_[tensor.file_index].bytes : 0;
  if (tensor.offset > size || tensor.bytes > size - tensor.offset) {
    throw Error(ErrorCode::kInvalidArgument, "tensor " + quote_name(tensor.name) + " is not of this file");
  }
}

std::span<const uint8_t> GgufFile::tensor_data(const TensorInfo& tensor) const {
  check_tensor(tensor);
  if (access_ != Access::kMapped) {
    throw Error(ErrorCode::kInvalidArgument, "tensor " + quote_name(tensor.name) + ": the file is not mapped");
  }
  return sources_[tensor.file_index].bytes().subspan(static_cast<size_t>(tensor.offset),
                                                     static_cast<size_t>(tensor.bytes));
}

void GgufFile::read_tensor(const TensorInfo& tensor, uint64_t offset, std::span<uint8_t> out) const {
  check_tensor(tensor);
  if (offset > tensor.bytes || out.size() > tensor.bytes - offset) {
    throw Error(ErrorCode::kInvalidArgument, "tensor " + quote_name(tensor.name) + ": bytes " + std::to_string(offset) +
                                                 " + " + std::to_string(out.size()) + " are outside its " +
                                                 std::to_string(tensor.bytes));
  }
  if (out.empty()) return;
  const Source& source = sources_[tensor.file_index];
  // Read even where the file is mapped: a shortened file is then an Error, not a signal.
  if (const File* file = source.open_file()) return file->pread_exact(tensor.offset + offset, out);
  std::memcpy(out.data(), source.memory.data() + tensor.offset + offset, out.size());
}

MappedFile GgufFile::map_file(uint32_t file_index) const {
  const File* file = file_index < sources_.size() ? sources_[file_index].open_file() : nullptr;
  if (file == nullptr) throw Error(ErrorCode::kInvalidArgument, "only an open model file can be mapped");
  MappedFile map(file->duplicate());
  check_size(file_index, std::min<uint64_t>(map.bytes().size(), map.size_now()));
  return map;
}

void GgufFile::check_size(size_t file_index, uint64_t bytes_now) const {
  const GgufPart& part = parts_[file_index];
  if (bytes_now >= part.bytes) return;
  throw Error(ErrorCode::kIo, "'" + part.path.string() + "' was shortened from " + std::to_string(part.bytes) + " to " +
                                  std::to_string(bytes_now) + " bytes while it was in use");
}

void GgufFile::check_sizes() const {
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (const File* file = sources_[i].open_file()) check_size(i, file->size_now());
  }
}

}  // namespace vivace
