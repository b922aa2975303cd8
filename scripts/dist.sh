#!/usr/bin/env bash
# usage: scripts/dist.sh
# Builds motet for other machines of this kind, and packs it with its pages, examples and completions:
# motet-VERSION-HOST.tar.gz and its SHA-256, in target/dist. The same binary always gives the same archive.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --profile dist --locked --package motet-cli
folder=${CARGO_TARGET_DIR:-target}/dist
binary=$folder/motet
version=$("$binary" --version | cut -d ' ' -f 2)
host=$(rustc -vV | sed -n 's/^host: //p')
name=motet-$version-$host

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/completions"
cp "$binary" README.md CHANGELOG.md LICENSE-* "$work/$name/"
cp -R docs examples "$work/$name/"
rm -rf "$work/$name/docs/decisions" "$work/$name/examples/rust"
"$binary" completions bash >"$work/$name/completions/motet.bash"
"$binary" completions zsh >"$work/$name/completions/_motet"
"$binary" completions fish >"$work/$name/completions/motet.fish"
# Nothing of this machine or hour goes into the archive.
find "$work" -exec touch -t 200001010000 {} +
(cd "$work" && find "$name" -type f | LC_ALL=C sort >files &&
  tar --format=ustar --owner=0 --group=0 --numeric-owner -cf - -T files) 2>/dev/null | gzip -n >"$folder/$name.tar.gz"

# What was packed works without this folder.
mkdir "$work/there"
tar -xzf "$folder/$name.tar.gz" -C "$work/there"
(cd "$work/there/$name" && ./motet check examples/text-to-film.yaml && ./motet run examples/patterns/sequential.yaml --store :memory: --no-out)

digest() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi; }
(cd "$folder" && digest "$name.tar.gz" | tee "$name.tar.gz.sha256")
