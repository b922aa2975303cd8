#!/usr/bin/env bash
# usage: scripts/crash.sh KILLS SEED
# Plays mixed runs against simulated providers, kills their processes so often, and ends with one line that says what came
# of it.
set -euo pipefail
cd "$(dirname "$0")/.."

said=$(mktemp)
trap 'rm -f "$said"' EXIT
code=0
MOTET_KILLS=$1 MOTET_KILLS_SEED=$2 cargo test --quiet --locked --package motet-cli --test killed -- \
  --ignored --exact --nocapture any_kills >"$said" 2>&1 || code=$?
summary=$(grep '^crash: ' "$said" || true)
if [ "$code" != 0 ]; then grep -v '^crash: ' "$said"; fi
echo "$summary"
exit "$code"
