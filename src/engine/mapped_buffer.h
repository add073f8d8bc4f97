// A model file as the buffer of weights that stay in it.
#pragma once

#include "base/os/file.h"
#include "device/tensor.h"

namespace vivace {

/// Read-only: host_data() serves kernels, which only read weights; write() is an error. A file that somebody shortens
/// while it is mapped ends the process by SIGBUS at the next touch (docs/memory.md).
class MappedBuffer final : public Buffer {
 public:
  explicit MappedBuffer(MappedFile file) : file_(std::move(file)) {}

  size_t size() const override { return file_.bytes().size(); }
  uint8_t* host_data() override { return const_cast<uint8_t*>(file_.bytes().data()); }
  void write(size_t offset, std::span<const uint8_t> bytes) override;
  void read(size_t offset, std::span<uint8_t> bytes) const override;

 private:
  MappedFile file_;
};

}  // namespace vivace
