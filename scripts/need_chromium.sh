#!/usr/bin/env bash
# The browser tests need a Chromium: as root on Debian it is installed, elsewhere this says how.
set -euo pipefail

[ -n "${PLEXCUT_TEST_CHROMIUM:-}" ] && exec test -x "$PLEXCUT_TEST_CHROMIUM"
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then
    echo "plexcut: installing Chromium for the browser tests" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null || true
    apt-get install -y --no-install-recommends chromium fonts-liberation </dev/null >/dev/null
    exit 0
fi
echo "plexcut: the browser tests need Chromium. Install it (on Debian: sudo apt-get install chromium)," \
    "or name one: PLEXCUT_TEST_CHROMIUM=/path/to/chromium make test" >&2
exit 1
