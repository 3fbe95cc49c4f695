#!/usr/bin/env bash
# The tests of shares need a Samba server: as root on Debian it is installed, elsewhere they are skipped.
set -euo pipefail

command -v smbd >/dev/null && command -v smbpasswd >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then
    echo "plexcut: installing Samba for the tests of shares" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null || true
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then # Debian would start a server of its own; the tests start theirs, on a loopback port
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap 'rm -f $policy' EXIT
    fi
    apt-get install -y --no-install-recommends samba </dev/null >/dev/null ||
        echo "plexcut: Samba could not be installed, so the tests of shares are skipped" >&2
else
    echo "plexcut: no Samba here, so the tests of shares are skipped (on Debian: sudo apt-get install samba)" >&2
fi
