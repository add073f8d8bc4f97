// Model files of a hub that speaks Hugging Face's API: which there are, and which one a name means.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/download.h"

namespace vivace {

struct HubOptions {
  std::string endpoint = "https://huggingface.co";  // HF_ENDPOINT
  std::string token;                                // HF_TOKEN; "": none
};

struct HubFile {
  std::string path;  // in the repository
  uint64_t bytes = 0;
  std::string sha256;  // "" where the hub knows none
};

/// "owner/repo", "owner/repo:Q4_K_M", "owner/repo/file.gguf", hf.co/… and https://huggingface.co/… addresses.
struct HubName {
  std::string repository;  // owner/repo
  std::string wanted;      // a quantisation or a file; "": the usual one
};
/// Throws Error kInvalidArgument for a name that is none.
HubName parse_hub_name(const std::string& text);

/// The GGUF files of a repository. Throws Error kNotFound where there is no such repository, kIo.
std::vector<HubFile> hub_files(const HubOptions& options, const std::string& repository);

/// The files of one model among them, more than one where it is split: the quantisation or file that is wanted, else
/// Q4_K_M, else the first that is near it. Throws Error kNotFound, naming what there is.
std::vector<HubFile> choose_hub_files(const std::vector<HubFile>& files, const HubName& name);

/// What to download for a file of a repository, into `folder`/owner/repo/.
DownloadRequest hub_download(const HubOptions& options, const HubName& name, const HubFile& file,
                             const std::filesystem::path& folder);

}  // namespace vivace
