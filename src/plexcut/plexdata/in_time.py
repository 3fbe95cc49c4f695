"""Looking at files that may hang, as those on a dead network mount do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from plexcut.errors import LibraryOffline

T = TypeVar("T")

ASKED_S = 20.0
"""How long looking at files may take before they count as not reachable."""


def in_time(work: Callable[[], T], library: str) -> T:
    """What `work` answers. Raises `LibraryOffline` where the file system does not answer; its thread is left behind."""
    done = threading.Event()
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="check-files", daemon=True).start()
    if not done.wait(ASKED_S):
        raise LibraryOffline(f"the files of library {library} do not answer", "is the network share mounted?")
    if failure:
        raise failure[0]
    return result[0]
