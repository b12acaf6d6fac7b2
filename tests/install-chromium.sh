#!/usr/bin/env bash
# A browser for the end-to-end tests: Debian's package, installed when root.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The browser tests need Chromium: sudo apt-get install chromium" >&2
    exit 2
fi
echo "Installing Chromium (once) ..."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium >/dev/null
