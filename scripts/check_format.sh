#!/usr/bin/env bash
# clang-format over all C++ files: without argument a check that names the files that differ, with --fix in place.
set -euo pipefail
cd "$(dirname "$0")/.."
formatter="${CLANG_FORMAT:-clang-format-14}"
if ! command -v "$formatter" >/dev/null; then
  echo "format: $formatter is not installed (scripts/setup.sh --tests)" >&2
  exit 1
fi
if [[ "${1:-}" == --fix ]]; then
  mode=(-i)
else
  mode=(--dry-run --Werror)
fi
find src tests -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0 | xargs -0 -r -n 16 -P 2 "$formatter" "${mode[@]}"
echo "format: ok"
