#include "cli/gpu_list.h"

#include <algorithm>

#include "base/os/proc_files.h"

namespace vivace {
namespace {

// "Model:  NVIDIA H200" in /proc/driver/nvidia/gpus/<bus>/information
std::string information_field(const std::string& text, const std::string& key) {
  size_t begin = text.find(key + ":");
  if (begin == std::string::npos) return "";
  begin = text.find_first_not_of(" \t", begin + key.size() + 1);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string vendor_name(const std::string& id) {
  if (id == "0x10de") return "NVIDIA";
  if (id == "0x1002") return "AMD";
  if (id == "0x8086") return "Intel";
  if (id == "0x106b") return "Apple";
  if (id == "0x1af4") return "virtio";
  return id;
}

std::string link_name(const std::filesystem::path& link) {
  std::error_code failed;
  const auto target = std::filesystem::read_symlink(link, failed);
  return failed ? "" : target.filename().string();
}

// card0, card1, … and not card0-HDMI-A-1
bool is_card(const std::string& name) {
  return name.starts_with("card") && name.size() > 4 && name.find_first_not_of("0123456789", 4) == std::string::npos;
}

}  // namespace

std::vector<GpuFact> list_gpus(const std::filesystem::path& root) {
  std::vector<GpuFact> gpus;
  for (const auto& folder : entries(root / "proc/driver/nvidia/gpus")) {
    const std::string text = read_text(folder / "information").value_or("");
    const std::string model = information_field(text, "Model");
    gpus.push_back({model.empty() ? "NVIDIA" : model, "nvidia", folder.filename().string(), 0});
  }
  for (const auto& folder : entries(root / "sys/class/drm")) {
    if (!is_card(folder.filename().string())) continue;
    const auto device = folder / "device";
    const std::string bus = link_name(device);
    const bool known = std::any_of(gpus.begin(), gpus.end(), [&](const GpuFact& gpu) { return gpu.bus == bus; });
    if (known && !bus.empty()) continue;
    const std::string vendor = vendor_name(read_text(device / "vendor").value_or("unknown"));
    const std::string product = read_text(device / "product_name").value_or(read_text(device / "device").value_or(""));
    gpus.push_back({product.empty() ? vendor : vendor + " " + product, link_name(device / "driver"), bus,
                    read_integer(device / "mem_info_vram_total").value_or(0)});
  }
  return gpus;
}

}  // namespace vivace
