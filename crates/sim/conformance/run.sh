#!/usr/bin/env bash
# usage: crates/sim/conformance/run.sh MOTET_SIM [CACHE]
# Runs the official SDKs of Replicate, fal and ElevenLabs, in Python and JavaScript, against the simulator MOTET_SIM.
# What they need is installed once into CACHE, see install.sh; afterwards nothing is fetched.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
MOTET_SIM=$(realpath "${1:?usage: run.sh MOTET_SIM [CACHE]}")
export MOTET_SIM PYTHONDONTWRITEBYTECODE=1
cache=$("$here/install.sh" ${2+"$2"})

# Node looks for packages beside the scripts.
cp "$here"/javascript/*.mjs "$cache/javascript/"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

names=()
processes=()
start() { # name command...
  names+=("$1")
  "${@:2}" >"$logs/$1" 2>&1 &
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
