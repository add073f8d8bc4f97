#!/usr/bin/env bash
# Installs what the build needs and fetches models. Does only what is missing: a second call changes nothing and needs
# no network. As root it installs Debian packages; else it prints the line to run and ends with 1.
#
#   scripts/setup.sh            compiler, libraries, the default model
#   scripts/setup.sh --tests    also GoogleTest, clang-format, the test model
#   scripts/setup.sh --clang    also clang 14 with its sanitizer runtime and clang-tidy (fuzz, lint, CI)
#   scripts/setup.sh --arm      also the cross compiler for Arm and qemu
#   scripts/setup.sh --ports    also what compiles for Windows (mingw-w64) and macOS (zig, from PyPI, into build/zig)
#   scripts/setup.sh --cuda     also nvcc (from PyPI, into build/cuda) where there is none, for the CUDA backend
#   scripts/setup.sh --hip      also hipcc, which compiles the same sources for AMD GPUs
#   scripts/setup.sh --dev      all of these
#   --no-models                 leaves the models out
set -euo pipefail
cd "$(dirname "$0")/.."

tests=0 clang=0 arm=0 ports=0 cuda=0 hip=0 models=1
for argument in "$@"; do
  case "$argument" in
    --tests) tests=1 ;;
    --clang) clang=1 ;;
    --arm) arm=1 ;;
    --ports) ports=1 ;;
    --cuda) cuda=1 ;;
    --hip) hip=1 ;;
    --dev) tests=1 clang=1 arm=1 ports=1 cuda=1 hip=1 ;;
    --no-models) models=0 ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup: unknown option $argument (see --help)" >&2; exit 2 ;;
  esac
done

# A package, or package=command where a command from anywhere will do.
wanted=(g++=g++ cmake=cmake ninja-build=ninja make=make pkg-config=pkg-config python3=python3 ca-certificates
  libpcre2-dev libutf8proc-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libedit-dev
  libsqlite3-dev libtomlplusplus-dev libboost1.81-dev libssl-dev libcurl4-openssl-dev prometheus-cpp-dev
  libvulkan-dev glslc=glslc)
((tests)) && wanted+=(libgtest-dev libgmock-dev clang-format-14=clang-format-14 binutils=nm mesa-vulkan-drivers
  vulkan-validationlayers)
((clang)) && wanted+=(clang-14=clang++-14 clang-tidy-14=clang-tidy-14 libclang-rt-14-dev lld-14=ld.lld-14)
((arm)) && wanted+=(g++-aarch64-linux-gnu=aarch64-linux-gnu-g++ qemu-user=qemu-aarch64 googletest)
((hip)) && wanted+=(hipcc=hipcc)
((ports)) && wanted+=(g++-mingw-w64-x86-64-posix=x86_64-w64-mingw32-g++-posix)

is_installed() { [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

# The crates of text-rs need a newer Rust than Debian 12's own package.
has_cargo() {
  local cargo version
  for cargo in "${CARGO:-cargo}" "$HOME/.cargo/bin/cargo"; do
    version="$("$cargo" --version 2>/dev/null | awk '{print $2}')" || continue
    [[ -n "$version" && "$(printf '%s\n1.87\n' "$version" | sort -V | head -n 1)" == 1.87 ]] && return 0
  done
  return 1
}

has_pip() { python3 -m pip --version >/dev/null 2>&1 || python3 -c 'import ensurepip' >/dev/null 2>&1; }

missing=()
for entry in "${wanted[@]}"; do
  package="${entry%%=*}"
  if [[ "$entry" == *=* ]] && command -v "${entry#*=}" >/dev/null; then continue; fi
  is_installed "$package" || missing+=("$package")
done
has_cargo || missing+=(rustc-web cargo-web)
((models || ports || cuda)) && { has_pip || missing+=(python3-pip); }
((tests)) && { python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv); }

if ((${#missing[@]} > 0)); then
  if ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian; please install the equivalents of: ${missing[*]}" >&2
    exit 1
  fi
  if [[ "$(id -u)" != 0 ]]; then
    echo "setup: these packages are missing; please run" >&2
    echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -y -q --no-install-recommends "${missing[@]}"
  if ! has_cargo; then
    echo "setup: cargo is older than 1.87; Debian 12 has a newer one in its security archive: add the line" >&2
    echo "  deb http://security.debian.org/debian-security bookworm-security main" >&2
    echo "to /etc/apt/sources.list and run this again" >&2
    exit 1
  fi
else
  echo "setup: all packages are there"
fi

if [[ -f text-rs/Cargo.lock ]]; then
  cargo="${CARGO:-cargo}"
  command -v "$cargo" >/dev/null || cargo="$HOME/.cargo/bin/cargo"
  if ! "$cargo" fetch --locked --offline --quiet --manifest-path text-rs/Cargo.toml 2>/dev/null; then
    echo "setup: fetching the crates of text-rs"
    "$cargo" fetch --locked --manifest-path text-rs/Cargo.toml
  fi
fi

# pip_into <folder> <package>...: unpacks packages of PyPI there.
pip_into() {
  python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv build/pip && export PATH="$PWD/build/pip/bin:$PATH"; }
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --target "$@"
}

zig=build/zig/ziglang/zig
if ((ports)) && [[ ! -x "$zig" ]]; then
  echo "setup: fetching zig"
  pip_into build/zig ziglang==0.17.1
fi

# The oldest 13: what it compiles runs on every driver of CUDA 13.
if ((cuda)) && [[ ! -x build/cuda/nvidia/cu13/bin/nvcc ]] && ! command -v nvcc >/dev/null; then
  echo "setup: fetching nvcc"
  pip_into build/cuda nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 \
    nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
fi

# The official clients that the server is tested with.
clients=tests/api/requirements.txt
if ((tests)) && ! cmp -s "$clients" build/clients/installed.txt; then
  echo "setup: fetching the API clients for Python"
  rm -rf build/clients
  python3 -m venv build/clients
  build/clients/bin/python -m pip install --quiet --disable-pip-version-check -r "$clients"
  cp "$clients" build/clients/installed.txt
fi
if ((tests)) && command -v npm >/dev/null && ! cmp -s tests/api/package.json build/npm/installed.json; then
  echo "setup: fetching the API clients for JavaScript"
  mkdir -p build/npm
  cp tests/api/package.json build/npm/package.json
  (cd build/npm && npm install --silent --no-audit --no-fund --no-package-lock)
  cp tests/api/package.json build/npm/installed.json
fi

if ((models)); then
  if ((tests)); then python3 scripts/fetch_models.py tests; else python3 scripts/fetch_models.py default; fi
fi
echo "setup: ready"
