#!/usr/bin/env bash
# usage: crates/sim/conformance/run.sh MOTET_SIM [CACHE]
# Runs the official SDKs of Replicate, fal and ElevenLabs, in Python and JavaScript, against the simulator MOTET_SIM.
# What they need is installed once into CACHE, by lock files with hashes; afterwards nothing is fetched.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
MOTET_SIM=$(realpath "${1:?usage: run.sh MOTET_SIM [CACHE]}")
cache=${2:-${MOTET_SDK_CACHE:-$here/../../../target/official-sdks}}
export MOTET_SIM PYTHONDONTWRITEBYTECODE=1

needs() { # program package
  command -v "$1" >/dev/null 2>&1 || {
    printf '%s\n' "The official SDKs need $1, which is not on this machine. Install it ($2), then run this again." >&2
    exit 1
  }
}
needs python3 "apt-get install python3 python3-venv"
needs node "apt-get install nodejs"
needs npm "apt-get install npm"

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
# Two runs at a time share one installation.
exec 9>"$cache/lock"
flock 9

lock_files=("$here"/python/*.lock "$here"/javascript/package-lock.json)
wanted=$(cat "${lock_files[@]}" | sha256sum | cut -d' ' -f1)-$(python3 --version | tr ' ' -)-$(node --version)

install_python() { # folder lock-file
  rm -rf "${cache:?}/$1"
  python3 -m venv "$cache/$1"
  "$cache/$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/python/$2"
}

install_javascript() {
  rm -rf "${cache:?}/javascript"
  mkdir -p "$cache/javascript"
  cp "$here"/javascript/package.json "$here"/javascript/package-lock.json "$cache/javascript/"
  npm ci --prefix "$cache/javascript" --ignore-scripts --no-audit --no-fund --silent
}

if [ "$(cat "$cache/installed" 2>/dev/null)" != "$wanted" ]; then
  printf '== installing the SDKs into %s\n' "$cache"
  install() { install_python python requirements.lock && install_python python-replicate2 replicate2.lock && install_javascript; }
  if ! install; then
    printf '%s\n' "The official SDKs can't be installed here: they judge nothing." >&2
    exit 77
  fi
  printf '%s\n' "$wanted" >"$cache/installed"
fi
# Node looks for packages beside the scripts.
cp "$here"/javascript/*.mjs "$cache/javascript/"
flock -u 9

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

names=()
processes=()
start() { # name command...
  names+=("$1")
  "${@:2}" >"$logs/$1" 2>&1 9>&- &
  processes+=($!)
}

start python-replicate-1 "$cache/python/bin/python" "$here/python/replicate_1.py"
start python-replicate-2 "$cache/python-replicate2/bin/python" "$here/python/replicate_2.py"
start python-fal "$cache/python/bin/python" "$here/python/fal.py"
start python-elevenlabs "$cache/python/bin/python" "$here/python/elevenlabs_sdk.py"
start javascript-replicate node "$cache/javascript/replicate.mjs"
start javascript-fal node "$cache/javascript/fal.mjs"
start javascript-elevenlabs node "$cache/javascript/elevenlabs.mjs"

failed=0
for at in "${!names[@]}"; do
  name=${names[$at]}
  if wait "${processes[$at]}"; then
    printf '%-24s %s\n' "$name" "$(tail -n 1 "$logs/$name")"
  else
    failed=1
    printf '\n== %s failed\n' "$name"
    # Each failure with what follows it; all where there is none to be found.
    grep -v '^ok ' "$logs/$name" || cat "$logs/$name"
  fi
done
exit "$failed"
