#!/usr/bin/env bash
# usage: scripts/setup.sh run|test
# Installs what is missing on this machine: programs to make media with, and what building needs.
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }

say() { printf '\n== %s\n' "$*"; }

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

# What is missing, as the names of packages.
missing=()

list_missing() {
  missing=()
  if ! has ffmpeg || ! has ffprobe; then missing+=(ffmpeg); fi
  if ! has espeak-ng; then missing+=(espeak-ng); fi
  # macOS has a font of its own, and its compiler comes with `xcode-select --install`.
  if [ "$(uname)" = Darwin ]; then return; fi
  if ! has_font; then missing+=(fonts-dejavu-core); fi
  # SQLite is compiled from source.
  if ! has cc; then missing+=(build-essential); fi
}

install_with_apt() {
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! has sudo; then
      echo "Please run as root: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    root=(sudo)
  fi
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_programs() {
  list_missing
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  say "installing what pictures, voices and films are made with: ${missing[*]}"
  if has apt-get; then
    install_with_apt
  elif has brew; then
    brew install "${missing[@]}"
  else
    echo "Neither apt-get nor brew is here. Please install these in your system's way: ${missing[*]}" >&2
    exit 1
  fi
  list_missing
  if [ ${#missing[@]} -ne 0 ]; then
    echo "Still missing after the installation: ${missing[*]}" >&2
    exit 1
  fi
}

check_rust() {
  if ! has cargo; then
    echo "Rust isn't on this machine. Install it from https://rustup.rs, then run this again." >&2
    exit 1
  fi
  if [ "$1" = run ]; then return; fi
  if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return; fi
  if ! has rustup; then
    echo "The tests need rustfmt and clippy, which come with your Rust toolchain's packages." >&2
    exit 1
  fi
  say "installing rustfmt and clippy"
  rustup component add rustfmt clippy
}

purpose=${1:?run or test}
check_rust "$purpose"
install_programs
