#!/usr/bin/env bash
# usage: scripts/explore.sh ROUNDS FIRST
# Plays the properties of all tests by other seeds than `make test` does. A round that fails says its seed.
set -euo pipefail
cd "$(dirname "$0")/.."

# Each function in a `proptest!` that draws its arguments.
properties=$(grep -rl --include='*.rs' 'proptest! {' crates |
  xargs perl -0777 -ne 'print "$1\n" while /#\[test\]\s+fn (\w+)\(\s*(?:(?:mut )?\w+|\([^)]*\)) in /g' |
  sort -u | paste -sd '|')
last=$(($2 + $1 - 1))
for seed in $(seq "$2" "$last"); do
  PROPTEST_RNG_SEED=$seed cargo nextest run --workspace --locked --no-fail-fast --status-level fail \
    --filterset "test(/(^|::)($properties)\$/)" || {
    echo "explore: PROPTEST_RNG_SEED=$seed fails"
    exit 1
  }
done
echo "explore: $1 rounds, none failed"
