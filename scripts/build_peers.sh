#!/usr/bin/env bash
# Builds the programs that Vivace is measured against, with this machine's own flags, and one llama-bench for AVX2 only.
#   scripts/build_peers.sh DIR [IK_GIT_DIR]
# llama.cpp comes from the npm package node-llama-cpp, which carries its source; ik_llama.cpp from a git directory of
# github's ikawrakow/ik_llama.cpp. Leaves DIR/bin/{llama-bench,llama-bench-avx2,llama-batched-bench,llama-completion,
# llama-server,llama-tokenize} and, with IK_GIT_DIR, {ik-llama-bench,ik-llama-sweep-bench}. What is there is not built again; about 25
# minutes on 2 cores.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,8s/^# \?//p' "$0"; exit 2; }
dir=$(mkdir -p "$1/bin" && cd "$1" && pwd)
ik=${2:-}
package=node-llama-cpp@3.22.1
flags=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DBUILD_SHARED_LIBS=OFF)
llama_flags=(-DLLAMA_BUILD_UI=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_EXAMPLES=OFF)
native=(-DGGML_NATIVE=ON)
llama_native=("${native[@]}")
if grep -qw amx_tile /proc/cpuinfo 2>/dev/null; then
  # Built by gcc 12, llama.cpp's AMX code ends with an illegal instruction; clang's works, and is the faster one besides.
  clang=$(command -v clang++ clang++-{19,18,17,16,15,14} | head -1 || true)
  if [ -n "$clang" ]; then
    llama_native+=("-DCMAKE_C_COMPILER=${clang/clang++/clang}" "-DCMAKE_CXX_COMPILER=$clang")
  else
    no_amx="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
    llama_native+=("-DCMAKE_C_FLAGS=$no_amx" "-DCMAKE_CXX_FLAGS=$no_amx")
  fi
fi
avx2=(-DGGML_NATIVE=OFF -DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON
  -DGGML_AVX512=OFF -DGGML_AVX_VNNI=OFF)
if command -v ccache >/dev/null; then
  flags+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
cd "$dir"

# install_targets SOURCE BUILD PREFIX SUFFIX TARGET... -- CMAKE_FLAG...: bin/PREFIX<target>SUFFIX, those that are missing
install_targets() {
  local source=$1 build=$2 prefix=$3 suffix=$4 targets=() t
  shift 4
  while [ "$1" != -- ]; do
    [ -x "bin/$prefix$1$suffix" ] || targets+=("$1")
    shift
  done
  shift
  [ ${#targets[@]} -gt 0 ] || return 0
  cmake -S "$source" -B "$build" "${flags[@]}" "$@" >/dev/null
  cmake --build "$build" --target "${targets[@]}" >/dev/null
  for t in "${targets[@]}"; do cp "$build/bin/$t" "bin/$prefix$t$suffix"; done
}

if [ ! -d llama.cpp ]; then
  npm pack --silent "$package" >/dev/null
  tar xzf "${package/@/-}.tgz" package/llama/gitRelease.bundle
  git clone -q package/llama/gitRelease.bundle llama.cpp
fi
install_targets llama.cpp build-llama "" "" llama-bench llama-batched-bench llama-completion llama-tokenize llama-server -- \
  "${llama_native[@]}" "${llama_flags[@]}"
if [ "$(uname -m)" = x86_64 ]; then
  install_targets llama.cpp build-avx2 "" -avx2 llama-bench -- "${avx2[@]}" "${llama_flags[@]}"
fi

if [ -n "$ik" ]; then
  # A stored snapshot may lack a few large files that are no sources: the checkout complains, the build works all the same.
  [ -d ik_llama.cpp ] || git clone -q "$ik" ik_llama.cpp 2>/dev/null || [ -f ik_llama.cpp/ggml/src/ggml.c ]
  install_targets ik_llama.cpp build-ik ik- "" llama-bench llama-sweep-bench -- "${native[@]}"
fi
ls bin
