"""Which threads the processor serves first."""

from __future__ import annotations

import os
import sys
import threading

_NICE = 4
"""More would leave nothing to the background while somebody steps through pictures."""


def stand_back() -> None:
    """Let other threads go before this one, for as long as it lives. Only Linux has a niceness for each thread."""
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        except OSError:
            return
