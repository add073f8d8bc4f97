// Folders by the XDG base directory specification.
#include "base/os/paths.h"

#include <cstdlib>

#include "base/error.h"

namespace vivace {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

fs::path base_folder(const std::string& xdg, const std::string& home, const char* below_home) {
  if (!xdg.empty() && fs::path(xdg).is_absolute()) return fs::path(xdg) / "vivace";
  if (home.empty()) {
    throw Error(ErrorCode::kNotFound, "no home folder: HOME is not set", "set HOME or VIVACE_HOME to a folder");
  }
  return fs::path(home) / below_home / "vivace";
}

}  // namespace

Environment read_environment() {
  Environment environment;
#if defined(_WIN32)
  environment.home = variable("USERPROFILE");
#else
  environment.home = variable("HOME");
#endif
  environment.vivace_home = variable("VIVACE_HOME");
  environment.xdg_data_home = variable("XDG_DATA_HOME");
  environment.xdg_cache_home = variable("XDG_CACHE_HOME");
  environment.xdg_config_home = variable("XDG_CONFIG_HOME");
  environment.isa = variable("VIVACE_ISA");
  environment.api_key = variable("VIVACE_API_KEY");
  environment.server = variable("VIVACE_SERVER");
  environment.hub_token = variable("HF_TOKEN");
  environment.hub_endpoint = variable("HF_ENDPOINT");
  environment.device_memory = variable("VIVACE_DEVICE_MEMORY");
  environment.pretend_devices = variable("VIVACE_PRETEND_DEVICES");
  environment.fail_device_call = variable("VIVACE_FAIL_DEVICE_CALL");
  environment.no_color = !variable("NO_COLOR").empty();
  return environment;
}

AppPaths app_paths(const Environment& environment) {
  AppPaths paths;
  if (!environment.vivace_home.empty()) {
    paths.data = fs::absolute(environment.vivace_home);
    paths.cache = paths.data / "cache";
    paths.config = paths.data / "config";
  } else {
    paths.data = base_folder(environment.xdg_data_home, environment.home, ".local/share");
    paths.cache = base_folder(environment.xdg_cache_home, environment.home, ".cache");
    paths.config = base_folder(environment.xdg_config_home, environment.home, ".config");
  }
  paths.models = paths.data / "models";
  return paths;
}

}  // namespace vivace
