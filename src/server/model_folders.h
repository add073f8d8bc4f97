// The model files on this machine: ours, and those that other programs keep. Nothing is copied or changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vivace {

struct ModelEntry {
  std::string key;        // what requests call it
  std::string publisher;  // "" where nobody is named
  std::string store;      // "vivace", "lm-studio", "ollama", "hugging-face", "llama.cpp", "file", "alias"
  std::filesystem::path path;
  uint64_t bytes = 0;  // all parts
};

struct ModelFolders {
  std::filesystem::path own;  // first, and where downloads go
  std::vector<std::filesystem::path> lm_studio, ollama, hugging_face, llama_cpp;
};

/// Where these programs keep their models below a home folder.
ModelFolders usual_model_folders(const std::filesystem::path& own, const std::filesystem::path& home);

/// Every model there, sorted by key. Of files with the same name the later ones are told apart by their publisher or
/// store. What can't be read is left out.
std::vector<ModelEntry> find_models(const ModelFolders& folders);

/// The entry that `name` means: a key (case doesn't count), a key without its quantisation where one alone begins so, a
/// path below publisher/repo, the absolute path of an entry's file.
std::optional<ModelEntry> find_model(const std::vector<ModelEntry>& models, const std::string& name);

/// Removes the files of a model that Vivace keeps itself. Throws ApiError 403 for others, Error kIo.
void remove_model(const ModelEntry& entry);

/// An entry for a file anywhere.
ModelEntry entry_of_file(const std::filesystem::path& path);

}  // namespace vivace
