#include "net/model_hub.h"

#include <algorithm>

#include "base/ascii_case.h"
#include "base/error.h"
#include "base/json.h"
#include "gguf/split.h"
#include "net/http_fetch.h"

namespace vivace {
namespace {

HttpHeaders headers_of(const HubOptions& options) {
  if (options.token.empty()) return {};
  return {{"Authorization", "Bearer " + options.token}};
}

bool is_name_part(std::string_view text) { return is_plain_name(text) && text != "." && text != ".."; }

/// Path of a file without what tells its parts apart: "…-00001-of-00003.gguf" → "…".
std::string model_of(const std::string& path) { return parse_split_name(path.substr(0, path.size() - 5)).base; }

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool says(const std::string& model, const std::string& quantisation) {
  const std::string text = ascii_lower(file_name(model)), wanted = ascii_lower(quantisation);
  const size_t at = text.rfind(wanted);
  if (at == std::string::npos) return false;
  const auto borders = [&](size_t i) { return i >= text.size() || text[i] == '-' || text[i] == '.' || text[i] == '_'; };
  // "Q4_K" is not "Q4_K_M".
  return (at == 0 || borders(at - 1)) &&
         (at + wanted.size() == text.size() || text[at + wanted.size()] == '.' || text[at + wanted.size()] == '-');
}

std::vector<std::string> models_of(const std::vector<HubFile>& files) {
  std::vector<std::string> models;
  for (const HubFile& file : files) {
    if (ascii_lower(file_name(file.path)).find("mmproj") != std::string::npos) continue;
    const std::string model = model_of(file.path);
    if (std::find(models.begin(), models.end(), model) == models.end()) models.push_back(model);
  }
  return models;
}

Error not_there(const std::vector<std::string>& models, const HubName& name) {
  std::string list;
  for (const std::string& model : models) list += (list.empty() ? "" : ", ") + file_name(model);
  return Error(ErrorCode::kNotFound, name.repository + " has no '" + name.wanted + "'",
               list.empty() ? "it has no GGUF files at all" : "it has: " + list);
}

}  // namespace

HubName parse_hub_name(const std::string& text) {
  std::string rest = text;
  for (const char* prefix : {"https://", "http://"}) {
    if (rest.starts_with(prefix)) rest.erase(0, std::string_view(prefix).size());
  }
  for (const char* host : {"huggingface.co/", "hf.co/"}) {
    if (rest.starts_with(host)) rest.erase(0, std::string_view(host).size());
  }
  for (const char* part : {"/resolve/main/", "/blob/main/", "/tree/main"}) {
    if (const size_t at = rest.find(part); at != std::string::npos)
      rest.replace(at, std::string_view(part).size(), "/");
  }
  while (rest.ends_with('/')) rest.pop_back();
  const size_t owner_end = rest.find('/');
  const size_t repo_end = owner_end == std::string::npos ? owner_end : rest.find_first_of("/:@", owner_end + 1);
  HubName name;
  name.repository = rest.substr(0, repo_end);
  if (repo_end != std::string::npos) name.wanted = rest.substr(repo_end + 1);
  if (owner_end == std::string::npos || !is_name_part(rest.substr(0, owner_end)) ||
      !is_name_part(name.repository.substr(owner_end + 1))) {
    throw Error(ErrorCode::kInvalidArgument, "'" + text + "' names no repository of a hub",
                "write OWNER/REPO, or OWNER/REPO:Q4_K_M for one quantisation");
  }
  return name;
}

std::vector<HubFile> hub_files(const HubOptions& options, const std::string& repository) {
  const std::string url = options.endpoint + "/api/models/" + repository + "/tree/main?recursive=true";
  const FetchResult answer = fetch_text(url, {headers_of(options)});
  if (answer.status == 401 || answer.status == 403 || answer.status == 404) {
    throw Error(ErrorCode::kNotFound, "the hub has no repository '" + repository + "', or keeps it closed",
                "for closed ones set HF_TOKEN to a token that may read it");
  }
  if (answer.status != 200) throw Error(ErrorCode::kIo, url + " answers with status " + std::to_string(answer.status));
  std::vector<HubFile> files;
  try {
    for (const Json& entry : parse_json(answer.body)) {
      HubFile file;
      file.path = entry.at("path").get<std::string>();
      if (entry.value("type", "file") != "file" || !ascii_lower(file.path).ends_with(".gguf")) continue;
      if (file.path.find("..") != std::string::npos) continue;
      file.bytes = entry.value("size", uint64_t{0});
      if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
        file.bytes = lfs->value("size", file.bytes);
        file.sha256 = lfs->value("oid", "");
      }
      if (file.sha256.size() != 64) file.sha256.clear();
      files.push_back(std::move(file));
    }
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kIo, url + " answers with what is no list of files: " + error.what());
  }
  std::sort(files.begin(), files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return files;
}

std::vector<HubFile> choose_hub_files(const std::vector<HubFile>& files, const HubName& name) {
  const std::vector<std::string> models = models_of(files);
  std::string chosen;
  const auto take_first = [&](auto fits) {
    if (!chosen.empty()) return;
    const auto found = std::find_if(models.begin(), models.end(), fits);
    if (found != models.end()) chosen = *found;
  };
  if (name.wanted.empty()) {
    for (const char* usual : {"Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "Q5_K_M", "MXFP4", "Q8_0"}) {
      take_first([&](const std::string& model) { return says(model, usual); });
    }
    take_first([](const std::string&) { return true; });
  } else {
    take_first([&](const std::string& model) {
      return model + ".gguf" == name.wanted ||
             model == model_of(name.wanted + (name.wanted.ends_with(".gguf") ? "" : ".gguf"));
    });
    take_first([&](const std::string& model) { return says(model, name.wanted); });
  }
  if (chosen.empty()) throw not_there(models, name);
  std::vector<HubFile> parts;
  for (const HubFile& file : files) {
    if (model_of(file.path) == chosen) parts.push_back(file);
  }
  return parts;
}

DownloadRequest hub_download(const HubOptions& options, const HubName& name, const HubFile& file,
                             const std::filesystem::path& folder) {
  DownloadRequest request;
  request.url = options.endpoint + "/" + name.repository + "/resolve/main/" + file.path;
  request.target = folder / name.repository / file_name(file.path);
  request.bytes = file.bytes;
  request.sha256 = file.sha256;
  request.headers = headers_of(options);
  return request;
}

}  // namespace vivace
