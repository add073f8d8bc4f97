#!/usr/bin/env bash
# run_api_test.sh PYTHON TEST: runs a file of tests/api with the interpreter that has the clients, or says that it is not
# there.
set -euo pipefail
if [[ ! -x "$1" ]]; then
  echo "did not run: $(basename "$2"): the API clients are not installed (scripts/setup.sh --tests)"
  exit 0
fi
exec "$1" -W ignore::ResourceWarning "$2"
