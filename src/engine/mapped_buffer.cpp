#include "engine/mapped_buffer.h"

#include <cstring>

#include "base/error.h"

namespace vivace {

void MappedBuffer::write(size_t /*offset*/, std::span<const uint8_t> /*bytes*/) {
  throw Error(ErrorCode::kInternal, "weights in a mapped file are read-only");
}

void MappedBuffer::read(size_t offset, std::span<uint8_t> bytes) const {
  if (offset > size() || bytes.size() > size() - offset) {
    throw Error(ErrorCode::kInternal, "a read outside of a mapped model file");
  }
  if (!bytes.empty()) std::memcpy(bytes.data(), file_.bytes().data() + offset, bytes.size());
}

}  // namespace vivace
