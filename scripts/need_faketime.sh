#!/usr/bin/env bash
# The tests of wrong and jumping clocks need faketime: as root on Debian it is installed, elsewhere they are skipped.
set -euo pipefail

command -v faketime >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then
    echo "plexcut: installing faketime for the tests of clocks" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null || true
    apt-get install -y --no-install-recommends faketime </dev/null >/dev/null ||
        echo "plexcut: faketime could not be installed, so the tests of clocks are skipped" >&2
else
    echo "plexcut: no faketime here, so the tests of clocks are skipped (on Debian: sudo apt-get install faketime)" >&2
fi
