#!/usr/bin/env bash
# usage: scripts/test.sh
# Everything that must be green, each thing built once, all into one target folder. Ends with the minutes of each part.
set -euo pipefail
cd "$(dirname "$0")/.."

# The same draws in each run, so what fails here fails again; `make explore` draws anew.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}

minutes=()
part() { # name command...
  local name=$1 started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  "$@"
  local seconds=$((SECONDS - started))
  minutes+=("$(printf '%4d:%02d  %s' $((seconds / 60)) $((seconds % 60)) "$name")")
}

run_tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --no-fail-fast
  else
    cargo test --workspace --all-targets --locked --quiet --no-fail-fast
  fi
}

# `pipeline` and `engine` need no operating system: they build where there is none.
bare_target=wasm32-unknown-unknown
has_bare_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$bare_target/lib" ]; }
build_bare() { cargo build --package motet-engine --target "$bare_target" --locked --quiet; }

build_tests() { cargo test --workspace --all-targets --locked --quiet --no-run; }
build_documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet; }

part "format" cargo fmt --all --check
part "clippy: no warnings" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
if has_bare_target; then
  part "pipeline and engine without an operating system" build_bare
else
  skipped="skipped  pipeline and engine without an operating system: rustup target add $bare_target"
  printf '\n== %s\n' "$skipped"
  minutes+=("$skipped")
fi
part "tests: build" build_tests
part "tests: run" run_tests
part "examples in the documentation" cargo test --workspace --doc --locked --quiet
part "documentation: no broken links" build_documentation

printf '\n== all green, minutes by part\n'
printf '%s\n' "${minutes[@]}"
