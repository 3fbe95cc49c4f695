"""One target under libFuzzer: `python -m fuzz.one TARGET [options of libFuzzer] CORPUS…`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["plexcut"]):
    from fuzz.targets import TARGETS


def main() -> None:
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
