#include "server/model_folders.h"

#include <algorithm>
#include <set>

#include "base/ascii_case.h"
#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "gguf/split.h"
#include "server/api_error.h"

namespace vivace {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSuffix = ".gguf";

bool is_model_name(const std::string& name) {
  if (name.size() <= kSuffix.size() || !ascii_lower(name).ends_with(kSuffix) || name.starts_with(".")) return false;
  return ascii_lower(name).find("mmproj") == std::string::npos;  // an image encoder, not a language model
}

uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  return error ? 0 : uint64_t(bytes);
}

/// One entry of a folder that holds .gguf files.
std::optional<ModelEntry> entry_of(const fs::path& path, const std::string& store) {
  const std::string name = path.filename().string();
  if (!is_model_name(name)) return std::nullopt;
  const SplitName part = parse_split_name(name.substr(0, name.size() - kSuffix.size()));
  if (part.part != 1) return std::nullopt;
  ModelEntry entry;
  entry.key = part.base;
  entry.store = store;
  entry.path = path;
  entry.bytes = size_of(path);
  for (int other = 1; other < std::min(part.parts, 999); ++other) {
    entry.bytes += size_of(split_path(path, uint32_t(other), uint32_t(part.parts)));
  }
  return entry;
}

/// Folders that are not there or not for us hold no models; a list that is short for want of means would be a wrong
/// one.
void throw_if_short(const std::error_code& error, const fs::path& folder) {
  if (error == std::errc::not_enough_memory || error == std::errc::too_many_files_open ||
      error == std::errc::too_many_files_open_in_system) {
    throw Error(ErrorCode::kOutOfMemory, "can't list the folder " + folder.string() + ": " + error.message());
  }
}

/// .gguf files below `folder`, as deep as publisher/repo/file.
void add_tree(const fs::path& folder, const std::string& store, int depth, std::vector<ModelEntry>& models) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      if (depth > 0 && !it->path().filename().string().starts_with(".")) add_tree(it->path(), store, depth - 1, models);
      continue;
    }
    if (auto entry = entry_of(it->path(), store)) {
      if (depth == 0) entry->publisher = it->path().parent_path().parent_path().filename().string();
      models.push_back(std::move(*entry));
    }
  }
  throw_if_short(error, folder);
}

/// models--publisher--repo/snapshots/<revision>/file.gguf
void add_hugging_face(const fs::path& hub, std::vector<ModelEntry>& models) {
  std::error_code error;
  for (fs::directory_iterator repo(hub, error), end; !error && repo != end; repo.increment(error)) {
    const std::string name = repo->path().filename().string();
    if (!name.starts_with("models--")) continue;
    const size_t first = models.size();
    add_tree(repo->path() / "snapshots", "hugging-face", 2, models);
    const std::string rest = name.substr(8);
    for (size_t i = first; i < models.size(); ++i) models[i].publisher = rest.substr(0, rest.find("--"));
  }
  throw_if_short(error, hub);
}

/// The file with the weights that a manifest of Ollama names.
std::optional<fs::path> ollama_weights(const fs::path& store, const fs::path& manifest) {
  try {
    const Json json = parse_json(read_text_file(manifest, 1 << 20));
    for (const Json& layer : json.at("layers")) {
      if (layer.at("mediaType").get<std::string>() != "application/vnd.ollama.image.model") continue;
      std::string digest = layer.at("digest").get<std::string>();
      std::replace(digest.begin(), digest.end(), ':', '-');
      if (digest.find('/') != std::string::npos) return std::nullopt;
      return store / "blobs" / digest;
    }
  } catch (const std::exception&) {  // somebody else's file, in whatever state
  }
  return std::nullopt;
}

/// manifests/<host>/<publisher>/<name>/<tag>
void add_ollama(const fs::path& store, std::vector<ModelEntry>& models) {
  std::error_code error;
  fs::recursive_directory_iterator it(store / "manifests", fs::directory_options::skip_permission_denied, error), end;
  for (; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it.depth() > 6 || !it->is_regular_file(ignored)) continue;
    const auto weights = ollama_weights(store, it->path());
    if (!weights || !fs::exists(*weights, ignored)) continue;
    const fs::path folder = it->path().parent_path();
    ModelEntry entry;
    entry.key = folder.filename().string() + ":" + it->path().filename().string();
    entry.publisher = folder.parent_path().filename().string();
    if (entry.publisher == "library") entry.publisher.clear();
    entry.store = "ollama";
    entry.path = *weights;
    entry.bytes = size_of(*weights);
    models.push_back(std::move(entry));
  }
  throw_if_short(error, store);
}

bool same(const std::string& a, const std::string& b) { return ascii_lower(a) == ascii_lower(b); }

std::optional<ModelEntry> find_model_of_file(const std::vector<ModelEntry>& models, const fs::path& path) {
  for (const ModelEntry& entry : models) {
    std::error_code ignored;
    if (fs::equivalent(entry.path, path, ignored)) return entry;
  }
  return std::nullopt;
}

}  // namespace

ModelFolders usual_model_folders(const fs::path& own, const fs::path& home) {
  ModelFolders folders;
  folders.own = own;
  if (home.empty()) return folders;
  folders.lm_studio = {home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"};
  folders.ollama = {home / ".ollama" / "models", "/usr/share/ollama/.ollama/models"};
  folders.hugging_face = {home / ".cache" / "huggingface" / "hub"};
  folders.llama_cpp = {home / ".cache" / "llama.cpp"};
  return folders;
}

std::vector<ModelEntry> find_models(const ModelFolders& folders) {
  std::vector<ModelEntry> models;
  add_tree(folders.own, "vivace", 2, models);
  for (const fs::path& folder : folders.lm_studio) add_tree(folder, "lm-studio", 2, models);
  for (const fs::path& folder : folders.ollama) add_ollama(folder, models);
  for (const fs::path& folder : folders.hugging_face) add_hugging_face(folder, models);
  for (const fs::path& folder : folders.llama_cpp) add_tree(folder, "llama.cpp", 0, models);
  for (ModelEntry& entry : models) {
    if (entry.store == "llama.cpp") entry.publisher.clear();
  }
  std::set<std::string> keys;
  std::vector<ModelEntry> found;
  for (ModelEntry& entry : models) {
    if (!keys.insert(ascii_lower(entry.key)).second) {
      entry.key = (entry.publisher.empty() ? entry.store : entry.publisher) + "/" + entry.key;
      if (!keys.insert(ascii_lower(entry.key)).second) continue;
    }
    found.push_back(std::move(entry));
  }
  std::sort(found.begin(), found.end(), [](const ModelEntry& a, const ModelEntry& b) { return a.key < b.key; });
  return found;
}

void remove_model(const ModelEntry& entry) {
  if (entry.store != "vivace") {
    throw ApiError(403, "'" + entry.key + "' belongs to " + entry.store + ": " + entry.path.string(), "model",
                   "forbidden", "remove it there");
  }
  const std::string name = entry.path.filename().string();
  const int parts = parse_split_name(name.substr(0, name.size() - kSuffix.size())).parts;
  for (int part = 0; part < parts; ++part) {
    std::error_code error;
    fs::remove(parts == 1 ? entry.path : split_path(entry.path, uint32_t(part), uint32_t(parts)), error);
    if (error) throw Error(ErrorCode::kIo, "can't remove " + entry.path.string() + ": " + error.message());
  }
}

ModelEntry entry_of_file(const fs::path& path) {
  if (auto entry = entry_of(path, "file")) return *entry;
  ModelEntry entry;
  entry.key = path.filename().string();
  entry.store = "file";
  entry.path = path;
  entry.bytes = size_of(path);
  return entry;
}

std::optional<ModelEntry> find_model(const std::vector<ModelEntry>& models, const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name.starts_with('/')) return find_model_of_file(models, name);
  std::string wanted = name;
  if (ascii_lower(wanted).ends_with(kSuffix)) wanted.resize(wanted.size() - kSuffix.size());
  for (const ModelEntry& entry : models) {
    if (same(entry.key, name) || same(entry.key, wanted) || same(entry.key, name + ":latest")) return entry;
  }
  // publisher/repo, publisher/repo/file, publisher/key
  const ModelEntry* only = nullptr;
  int matches = 0;
  for (const ModelEntry& entry : models) {
    const fs::path repo = entry.path.parent_path();
    const std::string repo_name = repo.parent_path().filename().string() + "/" + repo.filename().string();
    const bool hit = same(entry.publisher + "/" + entry.key, wanted) || same(repo_name, name) ||
                     same(repo_name + "/" + entry.path.filename().string(), name);
    const bool begins = ascii_lower(entry.key).starts_with(ascii_lower(wanted) + "-") ||
                        ascii_lower(entry.key).starts_with(ascii_lower(wanted) + ".") ||
                        ascii_lower(entry.key).starts_with(ascii_lower(wanted) + ":");
    if (!hit && !begins) continue;
    if (hit) return entry;
    only = &entry;
    ++matches;
  }
  if (matches == 1) return *only;
  return std::nullopt;
}

}  // namespace vivace
