"""The command line: `plexcut COMMAND`."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import NoReturn

_COLLECTED = 50_000
"""Objects that are made before cycles among them are looked for."""


def main() -> None:
    """Run the command that the process was started with, and exit with its code.

    The commands are imported here. Ctrl-C in that moment ends the process at once: an exception might be raised where
    Python drops it, in a callback of an import, and is a traceback elsewhere.
    """
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _leave)
        # NumPy's linear algebra, of which little is used here, starts threads that wait busily: 0.1 s at each start.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Loading modules and cutting make many objects and hardly a cycle: looking for some took 3 % of a cut.
        gc.set_threshold(_COLLECTED)
        from plexcut.cli.app import run
    except KeyboardInterrupt:
        _leave()

    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said; taking Python down takes a moment
    if code == 130 and any(thread.name == "cut-encode" for thread in threading.enumerate()):
        # Nobody waits for pictures that are encoded for nothing; libraries must not be taken down under that thread.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _leave(*_: object) -> NoReturn:
    os.write(2, b"plexcut: cancelled\n")
    os._exit(130)
