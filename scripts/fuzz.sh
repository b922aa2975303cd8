#!/usr/bin/env bash
# usage: scripts/fuzz.sh SECONDS [TARGET...]
# Runs each fuzz target so long and ends with one line. Corpora grow in target/fuzz/corpus; what breaks a rule is kept in
# target/fuzz/found, with the message above the last line.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

give_up() {
  printf '%s\n' "$@" >&2
  exit 1
}

# libFuzzer needs flags of the compiler that only the nightly toolchain takes.
toolchain=nightly
version=0.13.2
command -v rustup >/dev/null 2>&1 || give_up "Fuzzing needs rustup, for the nightly toolchain: https://rustup.rs"
rustup run "$toolchain" rustc --version >/dev/null 2>&1 ||
  rustup toolchain install "$toolchain" --profile minimal ||
  give_up "The nightly toolchain can't be installed; is this machine online?"
export PATH="$root/target/fuzz/tools/bin:$PATH"
[ "$(cargo fuzz --version 2>/dev/null)" = "cargo-fuzz $version" ] ||
  cargo install cargo-fuzz --version "$version" --locked --quiet --root target/fuzz/tools ||
  give_up "cargo-fuzz can't be installed; is this machine online?"

seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
targets=("$@")
if [ ${#targets[@]} = 0 ]; then targets=(replies headers language journal packed); fi

# What each begins with: the fixtures of the tests.
plant() { # target
  local corpus=target/fuzz/corpus/$1 file name
  mkdir -p "$corpus" "target/fuzz/found/$1"
  case $1 in
    replies)
      for file in crates/providers/tests/fixtures/*/*.http; do
        # The call and who reads, then the reply; and the same for all that is read besides.
        name=$(basename "$(dirname "$file")")-$(basename "$file")
        about() { sed -n "s/^$1: //p;/^$/q" "$file"; }
        { echo "$(about call) $(about read)" && sed '1,/^$/d' "$file"; } >"$corpus/$name"
        { echo besides && sed '1,/^$/d' "$file"; } >"$corpus/besides-$name"
      done
      ;;
    headers)
      sample() { # name options...
        ffmpeg -nostdin -y -loglevel error -f lavfi -i testsrc=size=32x32:rate=5:duration=0.6 -f lavfi -i sine=duration=0.3 \
          "${@:2}" "$corpus/$1" || true
      }
      for name in film.mp4 film.webm film.mkv film.mov tone.wav tone.mp3 tone.ogg tone.opus tone.flac tone.aac tone.m4a; do
        [ -e "$corpus/$name" ] || case $name in
          film.*) sample "$name" -shortest ;;
          *) sample "$name" -map 1 ;;
        esac
      done
      [ -e "$corpus/parts.mp4" ] || sample parts.mp4 -movflags frag_keyframe+empty_moov
      for name in still.png still.jpg still.webp; do
        [ -e "$corpus/$name" ] || sample "$name" -map 0 -frames:v 1
      done
      ;;
    language) cp crates/pipeline/tests/fixtures/*.yaml examples/*.yaml "$corpus/" ;;
    journal) cp crates/engine/tests/fixtures/journal-*.json "$corpus/" ;;
  esac
}

inputs=0
for target in "${targets[@]}"; do
  plant "$target"
  printf '== %s\n' "$target" >&2
  said=target/fuzz/$target.log
  # A rule is broken by a panic, by more than ten seconds for one input, or by more than two gigabytes.
  cargo "+$toolchain" fuzz run --fuzz-dir fuzz --target-dir target/fuzz/build --sanitizer none "$target" "target/fuzz/corpus/$target" \
    -- -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$root/target/fuzz/found/$target/" >"$said" 2>&1 || {
    tail -n 60 "$said"
    echo "fuzz: $target broke a rule or can't be built; what it was given is in target/fuzz/found/$target"
    exit 1
  }
  inputs=$((inputs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$said" | tail -n 1)))
done
echo "fuzz: ${#targets[@]} targets, $seconds s each, $inputs inputs, no rule was broken"
