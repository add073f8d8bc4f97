#!/usr/bin/env bash
# Packs what scripts/gpu_check.sh needs on a machine that can download nothing, in volumes that each fit a limit: the
# conformance data, SmolLM2, the generator of larger models, and, where they are given, llama.cpp's source or programs
# that are already built.
#
#   scripts/gpu_bundle.sh --out DIR [--volume MIB] [--conformance DIR] [--tools DIR] [--model FILE]
#                         [--peer-source FILE.bundle] [--peer DIR] [--program FILE]
#
# The volumes are DIR/1/part, DIR/2/part, …; all of them together are one tar archive, which gpu_check.sh unpacks.
set -euo pipefail
cd "$(dirname "$0")/.."
out="" volume=60 conformance=../shared/conformance tools=../shared/tools peer_source="" peer="" program=""
model="${VIVACE_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/vivace}/models/smollm2-135m-instruct.gguf"
while (($# > 0)); do
  case "$1" in
    --out) out="$2" ;;
    --volume) volume="$2" ;;
    --conformance) conformance="$2" ;;
    --tools) tools="$2" ;;
    --model) model="$2" ;;
    --peer-source) peer_source="$2" ;;
    --peer) peer="$2" ;;
    --program) program="$2" ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "gpu_bundle: unknown option $1 (see --help)" >&2; exit 2 ;;
  esac
  shift 2
done
[[ -n "$out" ]] || { echo "gpu_bundle: --out DIR says where the volumes go" >&2; exit 2; }
for needed in "$conformance/models" "$conformance/real" "$tools/synth_gguf.py" "$model"; do
  [[ -e "$needed" ]] || { echo "gpu_bundle: $needed is not there" >&2; exit 1; }
done
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/conformance"
cp -r "$conformance/models" "$conformance/real" "$stage/conformance/"
cp "$tools/synth_gguf.py" "$stage/"
cp "$model" "$stage/smollm2.gguf"
[[ -z "$peer_source" ]] || cp "$peer_source" "$stage/llama.cpp.bundle"
[[ -z "$peer" ]] || cp -r "$peer" "$stage/peer"
[[ -z "$program" ]] || cp "$program" "$stage/vivace-gpu-check"
rm -rf "$out"
mkdir -p "$out"
tar -C "$stage" -cz . | split -b "${volume}M" -d -a 2 - "$out/part-"
count=0
for part in "$out"/part-*; do
  count=$((count + 1))
  mkdir -p "$out/$count"
  mv "$part" "$out/$count/part"
done
echo "gpu_bundle: $count volumes in $out"
