#!/usr/bin/env bash
# usage: crates/sim/conformance/install.sh [CACHE]
# Installs what judges Motet and nobody here wrote, by lock files with hashes: the official SDKs of the providers in Python and
# JavaScript, and aimock. Done once into CACHE, which it prints; afterwards nothing is fetched. Ends with 77 where no registry
# can be reached.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${MOTET_SDK_CACHE:-$here/../../../target/official-sdks}}

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
# Two at a time share one installation.
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
  printf '== installing the SDKs into %s\n' "$cache" >&2
  install() { install_python python requirements.lock && install_python python-replicate2 replicate2.lock && install_javascript; }
  if ! install >&2; then
    printf '%s\n' "The official SDKs can't be installed here: they judge nothing." >&2
    exit 77
  fi
  printf '%s\n' "$wanted" >"$cache/installed"
fi
printf '%s\n' "$cache"
