#!/usr/bin/env bash
# usage: scripts/demo.sh
# Builds motet and makes the narrated film; tells what was done when. Broken off, it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

motet() { "${CARGO_TARGET_DIR:-target}/release/motet" "$@"; }

say "building (a few minutes the first time)"
cargo build --release --locked --package motet-cli

say "motet run examples/narrated-video.yaml"
motet run examples/narrated-video.yaml

say "what was done when"
run=$(motet runs --pipeline narrated-video --limit 1 --json | sed -n 's/.*"run":"\([^"]*\)".*/\1/p')
motet show "$run" --timeline

say "the film: $(ls -t "$PWD"/out/*/video.mp4 | head -1)"
