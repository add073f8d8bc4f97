// Rules of models split over several files: their names and the split.* keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "gguf/metadata.h"

namespace vivace {

/// Files the model consists of: split.count, and 1 where it is absent or 0 (as in merged files).
uint32_t split_count(const Metadata& metadata);

/// Throws where a file opened as the first of `count` says it is another (kInvalidArgument, with the first one's name
/// as the hint), or isn't named "<name>-00001-of-<count>.gguf" (kInvalidFile).
void check_first_part(const Metadata& metadata, const std::filesystem::path& path, uint32_t count);

/// Throws kInvalidFile where the file at place `index` (from 0) has another split.no or split.count.
void check_later_part(const Metadata& metadata, uint32_t index, uint32_t count);

/// Throws where a list of `given` files in memory isn't the whole model.
void check_part_count(const Metadata& first, size_t given);

/// Throws kInvalidFile where split.tensors.count says other than `tensors`.
void check_tensor_total(const Metadata& first, size_t tensors);

/// What a file's name says, without its ".gguf": "x-00002-of-00005" is part 2 of 5 of "x"; others are the only part.
struct SplitName {
  std::string base;
  int part = 1, parts = 1;
};
SplitName parse_split_name(const std::string& stem);

/// The path of file `index` (from 0), made from that of the first.
std::filesystem::path split_path(const std::filesystem::path& first, uint32_t index, uint32_t count);

}  // namespace vivace
