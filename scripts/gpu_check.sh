#!/usr/bin/env bash
# Is this machine's GPU right, and how fast is it? Needs the repository, CMake, ninja, a C++ compiler, nvcc (CUDA) or glslc
# with Vulkan's headers, python3 with numpy for the 7B; downloads nothing.
#
#   scripts/gpu_check.sh --data DIR [--out DIR] [--device NAME] [--thorough] [--sections A,B] [--stage]
#
#   --data      volumes of scripts/gpu_bundle.sh, or the folder that they were unpacked to
#   --out       where gpu.json goes (build/gpu-check)
#   --device    cuda0, vulkan0, …; by itself the first GPU
#   --sections  as vivace-gpu-check has them
#   --stage     only keep the volumes that are there, for a machine to which they come one by one
#
# The 7B's speed is measured beside llama.cpp's where its source or programs are among the data.
set -euo pipefail
cd "$(dirname "$0")/.."
data="" out="build/gpu-check" device="" thorough=() sections="" stage=0
while (($# > 0)); do
  case "$1" in
    --data) data="$2"; shift ;;
    --out) out="$2"; shift ;;
    --device) device="$2"; shift ;;
    --sections) sections="$2"; shift ;;
    --thorough) thorough=(--thorough) ;;
    --stage) stage=1 ;;
    -h | --help) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "gpu_check: unknown option $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done
[[ -d "$data" ]] || { echo "gpu_check: --data names the folder of gpu_bundle.sh's volumes" >&2; exit 2; }
mkdir -p "$out"
kept="build/gpu-data"
if compgen -G "$data/*/part" >/dev/null; then
  mkdir -p "$kept/volumes"
  for part in "$data"/*/part; do cp "$part" "$kept/volumes/$(basename "$(dirname "$part")").part"; done
fi
((stage)) && { ls "$kept/volumes"; exit 0; }
if compgen -G "$kept/volumes/*.part" >/dev/null; then
  find "$kept/volumes" -name '*.part' | sort -V | xargs cat | tar -C "$kept" -xz
  data="$kept"
fi

program="$data/vivace-gpu-check"
if [[ ! -x "$program" ]]; then
  flags=()
  command -v nvcc >/dev/null && flags+=(-DVIVACE_CUDA=ON)
  command -v glslc >/dev/null && [[ -f /usr/include/vulkan/vulkan.h ]] && flags+=(-DVIVACE_VULKAN=ON)
  ((${#flags[@]} > 0)) || { echo "gpu_check: neither nvcc nor glslc is here" >&2; exit 1; }
  cmake -S . -B build/gpu -G Ninja -DVIVACE_CORE_ONLY=ON -DVIVACE_TESTS=OFF "${flags[@]}" >"$out/configure.log"
  cmake --build build/gpu --target vivace-gpu-check >"$out/build.log"
  program=build/gpu/vivace-gpu-check
fi

seven="$data/7b-q4_k_m.gguf"
if [[ "$sections" == "" || "$sections" == *speed* ]] && [[ ! -f "$seven" ]]; then
  if python3 -c 'import numpy' 2>/dev/null; then
    python3 "$data/synth_gguf.py" --shape llama-7b --quant q4_k_m --no-vocab "$seven" >"$out/synth.log"
  else
    echo "did not run: the speed of a 7B (no numpy to make one)"
  fi
fi

peer="$data/peer"
if [[ ! -x "$peer/llama-bench" && -f "$data/llama.cpp.bundle" ]] && command -v nvcc >/dev/null; then
  [[ -d build/llama.cpp ]] || git clone -q "$data/llama.cpp.bundle" build/llama.cpp
  cmake -S build/llama.cpp -B build/llama-cuda -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES=90 -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DBUILD_SHARED_LIBS=OFF >"$out/peer.log"
  cmake --build build/llama-cuda --target llama-bench llama-batched-bench >>"$out/peer.log"
  peer=build/llama-cuda/bin
fi

status=0
"$program" ${device:+--device "$device"} --conformance "$data/conformance" --model "$data/smollm2.gguf" \
  --bench-model "$seven" ${sections:+--sections "$sections"} "${thorough[@]}" --json "$out/gpu.json" || status=$?
if [[ -x "$peer/llama-bench" && -f "$seven" ]]; then
  python3 scripts/gpu_peers.py --program "$program" --peer "$peer" --model "$seven" ${device:+--device "$device"} \
    --report "$out/gpu.json"
fi
echo "gpu_check: $out/gpu.json"
exit "$status"
