"""The command line: `plexcut COMMAND`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the process was started with, and exit with its code.

    The commands are imported here, so that Ctrl-C in that moment shows no traceback either.
    """
    try:
        from plexcut.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
