#!/usr/bin/env bash
# usage: scripts/test.sh
# Everything that must be green, each thing built once, all into one target folder.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
step() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - started)); }

step "format"
cargo fmt --all --check

step "clippy: no warnings"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --locked --no-fail-fast
else
  cargo test --workspace --all-targets --locked --quiet --no-fail-fast
fi

step "examples in the documentation"
cargo test --workspace --doc --locked --quiet

step "documentation: no broken links"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

step "all green"
