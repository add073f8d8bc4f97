// What the database keeps of a model file on this machine: tuned settings, speeds that were seen.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "cli/command.h"
#include "store/record_store.h"

namespace vivace {

/// Under what records of this model file on this machine and of this version are stored.
std::string profile_key_of(const std::filesystem::path& model);

/// Hands the newest `most` records of a kind to `take`. A database or a record that can't be read is as good as none:
/// standard error says that `what` can't be read.
void read_model_records(const char* kind, const std::filesystem::path& model, int32_t most, const std::string& what,
                        Context& context, const std::function<void(const Record& record)>& take);

}  // namespace vivace
