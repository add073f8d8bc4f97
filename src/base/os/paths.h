// Where Vivace keeps its files, and the environment variables it reads.
#pragma once

#include <filesystem>
#include <string>

namespace vivace {

/// The environment, read once by main and handed on; empty: not set.
struct Environment {
  std::string home;             // HOME (USERPROFILE on Windows)
  std::string vivace_home;      // VIVACE_HOME: one folder for everything
  std::string xdg_data_home;    // XDG_DATA_HOME
  std::string xdg_cache_home;   // XDG_CACHE_HOME
  std::string xdg_config_home;  // XDG_CONFIG_HOME
  std::string isa;              // VIVACE_ISA: forces a CPU instruction set
  std::string hub_endpoint;     // HF_ENDPOINT: where models are fetched from
  std::string hub_token;        // HF_TOKEN
  std::string api_key;          // VIVACE_API_KEY: what a server asks for
  std::string server;           // VIVACE_SERVER: address of a running server
  bool no_color = false;        // NO_COLOR is set and not empty

  // For trials of what one has no hardware for; src/backends/pretend.h says what they mean.
  std::string device_memory;     // VIVACE_DEVICE_MEMORY
  std::string pretend_devices;   // VIVACE_PRETEND_DEVICES
  std::string fail_device_call;  // VIVACE_FAIL_DEVICE_CALL
};

Environment read_environment();

struct AppPaths {
  std::filesystem::path data;    // ~/.local/share/vivace
  std::filesystem::path cache;   // ~/.cache/vivace
  std::filesystem::path config;  // ~/.config/vivace
  std::filesystem::path models;  // data / "models"
};

/// The folders; nothing is created. VIVACE_HOME makes them $VIVACE_HOME, …/cache, …/config, …/models; else the XDG
/// variables count if they are absolute, as their specification demands (XDG Base Directory 0.8).
/// Throws Error kNotFound when neither VIVACE_HOME nor a home folder is known.
AppPaths app_paths(const Environment& environment);

}  // namespace vivace
