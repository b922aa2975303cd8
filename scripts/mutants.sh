#!/usr/bin/env bash
# usage: scripts/mutants.sh SEEDS [NAME...]
# Plants each bug of mutants/ by itself in a copy of this tree, and plays stories until one breaks a law. Says of each by
# which law and at which seed it was found; fails if one isn't found, or a patch doesn't apply or compile.
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=$1
shift
patches=("${@/#/mutants/}")
patches=("${patches[@]/%/.patch}")
[ $# -gt 0 ] || patches=(mutants/*.patch)

tree=$(mktemp -d)
said=$(mktemp)
trap 'git worktree remove --force "$tree"; rm -f "$said"' EXIT
# What isn't committed yet belongs to the copy, but for files that git doesn't know.
commit=$(git stash create)
git worktree add --quiet --detach "$tree" "${commit:-HEAD}"
# Kept, so that what the workspace depends on is compiled once.
export CARGO_TARGET_DIR=$PWD/target/mutants
export SEEDS=$seeds FIRST=0

play() { # cargo's arguments...
  (cd "$tree" && timeout 1800 cargo test --quiet --locked --package motet --test simulated "$@") >"$said" 2>&1
}

lost=0
lose() { # name, why
  printf '%-40s NOT FOUND: %s\n' "$1" "$2"
  lost=$((lost + 1))
}

for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  started=$SECONDS
  git -C "$tree" checkout --quiet -- .
  if ! git -C "$tree" apply "$PWD/$patch" 2>"$said"; then
    lose "$name" "the patch does not apply: $(head -1 "$said")"
    continue
  fi
  if ! play --no-run; then
    lose "$name" "it does not compile: $(grep -m1 '^error' "$said" || true)"
    continue
  fi
  play -- --ignored --exact --nocapture seeds::the_first_violation || true
  found=$(grep -m1 '^violation at seed ' "$said" || true)
  if [ -z "$found" ]; then
    lose "$name" "$(grep -m1 '^no violation' "$said" || tail -1 "$said")"
    continue
  fi
  seed=$(sed -E 's/^violation at seed ([0-9]+): .*/\1/' <<<"$found")
  law=$(sed -E 's/^violation at seed [0-9]+: ([^:]*):.*/\1/' <<<"$found")
  meant=$(sed -n 's/^Law: //p' "$patch")
  other=''
  [ "$law" = "$meant" ] || other=" (meant: $meant)"
  printf '%-40s seed %5d, %3d s: %s%s\n' "$name" "$seed" $((SECONDS - started)) "$law" "$other"
done
echo "mutants: ${#patches[@]} planted, $lost not found"
[ "$lost" = 0 ]
