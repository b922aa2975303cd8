#!/usr/bin/env bash
# usage: scripts/setup.sh run|test
# Installs what is missing on this machine: programs to make media with, and what building needs.
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }

say() { printf '\n== %s\n' "$*"; }

give_up() {
  printf '%s\n' "$@" >&2
  exit 1
}

has_font() {
  local font
  # The places where motet looks for a font (crates/runtime/src/tools.rs).
  for font in \
    /usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf \
    /usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf \
    /usr/share/fonts/TTF/DejaVuSans-Bold.ttf \
    /usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf \
    "/System/Library/Fonts/Supplemental/Arial Bold.ttf" \
    /Library/Fonts/Arial.ttf; do
    if [ -f "$font" ]; then return 0; fi
  done
  return 1
}

purpose=${1:-run}

# What is missing, as the names of packages.
missing=()

list_missing() {
  missing=()
  if ! has ffmpeg || ! has ffprobe; then missing+=(ffmpeg); fi
  if ! has espeak-ng; then missing+=(espeak-ng); fi
  # macOS has a font of its own, and its compiler comes with `xcode-select --install`.
  if [ "$(uname)" = Darwin ]; then return; fi
  if ! has_font; then missing+=(fonts-dejavu-core); fi
  # The official SDKs of the providers judge the simulator.
  if [ "$purpose" = test ]; then
    if ! python3 -m ensurepip --version >/dev/null 2>&1; then missing+=(python3-venv); fi
    if ! has node; then missing+=(nodejs); fi
    if ! has npm; then missing+=(npm); fi
  fi
  # SQLite and the allocator are compiled from source.
  if ! has cc || ! has make; then missing+=(build-essential); fi
}

install_with_apt() {
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || give_up "Installing needs root, and there is no sudo. Please run as root: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  "${root[@]}" apt-get update -qq &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_programs() {
  list_missing
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  say "installing what is missing: ${missing[*]}"
  local again="Please install them yourself, then run this again: ${missing[*]}"
  if has apt-get; then
    install_with_apt || give_up "apt-get could not install them; is this machine online?" "$again"
  elif has brew; then
    brew install "${missing[@]}" || give_up "brew could not install them; is this machine online?" "$again"
  else
    give_up "Neither apt-get nor brew is on this machine." "$again"
  fi
  list_missing
  if [ ${#missing[@]} -ne 0 ]; then
    give_up "Still missing after the installation: ${missing[*]}"
  fi
}

check_rust() {
  has cargo || give_up "Rust isn't on this machine, or not on the PATH. Install it from https://rustup.rs, then run this again."
  local needed here
  needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
  here=$(cargo --version | sed 's/^cargo \([0-9.]*\).*/\1/')
  if [ "$(printf '%s\n' "$needed" "$here" | sort -V | head -1)" != "$needed" ]; then
    give_up "Rust $here is too old: $needed or later is needed. With rustup: rustup update"
  fi
}

install_rust_components() {
  if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return; fi
  has rustup || give_up "The tests need rustfmt and clippy, which come with your Rust toolchain's packages."
  say "installing rustfmt and clippy"
  rustup component add rustfmt clippy || give_up "rustup could not install them; is this machine online?"
}

# The target on which the pure crates are built bare. The tests run without it, and say so.
install_bare_target() {
  local target=wasm32-unknown-unknown
  if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then return; fi
  say "installing the Rust target $target"
  if ! has rustup; then
    printf '%s\n' "There is no rustup here, so the build for $target will be skipped."
  elif ! rustup target add "$target"; then
    printf '%s\n' "rustup could not install it; is this machine online? The build for $target will be skipped."
  fi
}

# What judges the tests and nobody here wrote. Where no registry can be reached the tests run without them, and say so.
install_judges() {
  crates/sim/conformance/install.sh >/dev/null || [ $? = 77 ] || give_up "What judges the tests can't be installed."
}

cd "$(dirname "$0")/.."
case ${1:-} in
  run) check_rust ;;
  test)
    check_rust
    install_rust_components
    install_bare_target
    ;;
  *) give_up "usage: scripts/setup.sh run|test" ;;
esac
install_programs
if [ "$purpose" = test ]; then install_judges; fi
