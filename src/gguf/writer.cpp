// Encoding of metadata and the tensor directory.
#include "gguf/writer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"
#include "base/os/file.h"
#include "gguf/cursor.h"
#include "gguf/header.h"

namespace vivace {
namespace {

constexpr uint32_t kVersion = 3;

[[noreturn]] void reject(const std::string& what) { throw Error(ErrorCode::kInvalidArgument, "GGUF writer: " + what); }

void check_name(const char* kind, std::string_view name) {
  const bool control = std::any_of(name.begin(), name.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20; });
  if (!name.empty() && name.size() <= kMaxNameBytes && !control && is_utf8(name)) return;
  reject(std::string(kind) + " " + quote_name(name) + " is not 1 to 65535 bytes of UTF-8 without control characters");
}

class ByteWriter {
 public:
  template <class T>
  void number(T value) {
    uint8_t bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    data.insert(data.end(), bytes, bytes + sizeof(T));
  }
  void text(std::string_view value) {
    number<uint64_t>(value.size());
    data.insert(data.end(), value.begin(), value.end());
  }
  void raw(std::span<const uint8_t> bytes) { data.insert(data.end(), bytes.begin(), bytes.end()); }

  std::vector<uint8_t> data;
};

}  // namespace

void EncodedValue::append_text(std::string_view text) {
  append<uint64_t>(text.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}

EncodedValue EncodedValue::string(std::string_view text) {
  EncodedValue result(ValueType::kString);
  result.append_text(text);
  return result;
}

EncodedValue EncodedValue::array_head(ValueType element, uint64_t count) {
  EncodedValue result(ValueType::kArray);
  result.append(static_cast<uint32_t>(element));
  result.append(count);
  return result;
}

EncodedValue EncodedValue::strings(std::span<const std::string> texts) {
  EncodedValue result = array_head(ValueType::kString, texts.size());
  for (const std::string& text : texts) result.append_text(text);
  return result;
}

EncodedValue EncodedValue::strings(std::span<const std::string_view> texts) {
  EncodedValue result = array_head(ValueType::kString, texts.size());
  for (std::string_view text : texts) result.append_text(text);
  return result;
}

EncodedValue EncodedValue::arrays(std::span<const EncodedValue> elements) {
  EncodedValue result = array_head(ValueType::kArray, elements.size());
  for (const EncodedValue& element : elements) {
    if (element.type_ != ValueType::kArray) reject("an element of an array of arrays is not an array");
    result.bytes_.insert(result.bytes_.end(), element.bytes_.begin(), element.bytes_.end());
  }
  return result;
}

EncodedValue EncodedValue::copy(const Value& value) {
  EncodedValue result(value.type());
  result.bytes_.assign(value.encoded().begin(), value.encoded().end());
  return result;
}

void GgufWriter::set(std::string key, EncodedValue value) {
  check_name("key", key);
  const bool known = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
  if (known) reject("key " + quote_name(key) + " is set twice");
  if (key == "general.alignment") {
    const auto alignment = value.view().integer<uint32_t>();
    if (!alignment || *alignment < 8 || !std::has_single_bit(*alignment)) {
      reject("the alignment is not a power of two of at least 8");
    }
    if (!tensors_.empty()) reject("the alignment must be set before the first tensor");
    alignment_ = *alignment;
  }
  entries_.push_back({std::move(key), std::move(value)});
}

void GgufWriter::set_alignment(uint32_t alignment) { set_u32("general.alignment", alignment); }

void GgufWriter::add_tensor(std::string name, std::vector<uint64_t> dims, uint32_t ggml_type,
                            std::span<const uint8_t> data) {
  add_tensor(std::move(name), std::move(dims), ggml_type, data.size(), [data](const Sink& sink) { sink(data); });
}

void GgufWriter::add_tensor(std::string name, std::vector<uint64_t> dims, uint32_t ggml_type, uint64_t bytes,
                            Producer producer) {
  check_name("tensor", name);
  if (dims.empty() || dims.size() > kMaxTensorDims || std::count(dims.begin(), dims.end(), uint64_t{0}) != 0) {
    reject("tensor " + quote_name(name) + " needs 1 to 4 dimensions, none of them 0");
  }
  const bool known = std::any_of(tensors_.begin(), tensors_.end(), [&](const Tensor& t) { return t.name == name; });
  if (known) reject("tensor " + quote_name(name) + " is added twice");
  const uint64_t offset = tensors_.empty() ? 0 : padded(tensors_.back().offset + tensors_.back().bytes);
  tensors_.push_back({std::move(name), std::move(dims), ggml_type, offset, bytes, std::move(producer)});
}

std::vector<uint8_t> GgufWriter::header() const {
  ByteWriter out;
  out.raw({reinterpret_cast<const uint8_t*>("GGUF"), 4});
  out.number(kVersion);
  out.number<uint64_t>(tensors_.size());
  out.number<uint64_t>(entries_.size());
  for (const Entry& entry : entries_) {
    out.text(entry.key);
    out.number(static_cast<uint32_t>(entry.value.type()));
    out.raw(entry.value.bytes());
  }
  for (const Tensor& tensor : tensors_) {
    out.text(tensor.name);
    out.number(static_cast<uint32_t>(tensor.dims.size()));
    for (uint64_t dim : tensor.dims) out.number(dim);
    out.number(tensor.ggml_type);
    out.number(tensor.offset);
  }
  return std::move(out.data);
}

void GgufWriter::write_to(const Sink& sink) const {
  std::vector<uint8_t> block = header();
  block.resize(static_cast<size_t>(padded(block.size())));
  sink(block);
  for (const Tensor& tensor : tensors_) {
    uint64_t done = 0;
    tensor.producer([&](std::span<const uint8_t> bytes) {
      done += bytes.size();
      if (done > tensor.bytes)
        reject("tensor " + quote_name(tensor.name) + " got more than its " + std::to_string(tensor.bytes) + " bytes");
      sink(bytes);
    });
    if (done != tensor.bytes) {
      reject("tensor " + quote_name(tensor.name) + " got " + std::to_string(done) + " of its " +
             std::to_string(tensor.bytes) + " bytes");
    }
    const std::vector<uint8_t> padding(static_cast<size_t>(padded(done) - done));
    if (!padding.empty()) sink(padding);
  }
}

std::vector<uint8_t> GgufWriter::to_bytes() const {
  std::vector<uint8_t> result;
  write_to([&](std::span<const uint8_t> bytes) { result.insert(result.end(), bytes.begin(), bytes.end()); });
  return result;
}

void GgufWriter::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  write_to([&](std::span<const uint8_t> bytes) { file.append(bytes); });
  file.commit();
}

}  // namespace vivace
