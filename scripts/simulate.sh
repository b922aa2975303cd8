#!/usr/bin/env bash
# usage: scripts/simulate.sh SEEDS FIRST
# Plays the stories of so many seeds, from FIRST on, and ends with one line that says what was seen.
set -euo pipefail
cd "$(dirname "$0")/.."

said=$(mktemp)
trap 'rm -f "$said"' EXIT
code=0
SEEDS=$1 FIRST=$2 cargo test --quiet --locked --package motet --test simulated -- \
  --ignored --exact --nocapture seeds::any_seeds >"$said" 2>&1 || code=$?
summary=$(grep '^simulate: ' "$said" || true)
if [ "$code" != 0 ]; then grep -v '^simulate: ' "$said"; fi
echo "$summary"
exit "$code"
