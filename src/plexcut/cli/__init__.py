"""The command line: `plexcut COMMAND`."""

from __future__ import annotations

import os
import sys
import threading


def main() -> None:
    """Run the command that the process was started with, and exit with its code.

    The commands are imported here, so that Ctrl-C in that moment shows no traceback either.
    """
    try:
        from plexcut.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    if code == 130 and any(thread.name == "cut-encode" for thread in threading.enumerate()):
        # Nobody waits for pictures that are encoded for nothing; libraries must not be taken down under that thread.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
