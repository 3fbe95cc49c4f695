"""Looking at files that may hang, as those on a dead network mount do."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from plexcut.errors import LibraryOffline

T = TypeVar("T")

ASKED_S = 20.0
"""How long looking at files may take before they count as not reachable."""
LEFT_BEHIND_MAX = 8
"""So many threads may hang for one library."""

_left_behind: Counter[str] = Counter()
_lock = threading.Lock()


def in_time(work: Callable[[], T], library: str) -> T:
    """What `work` answers. Raises `LibraryOffline` where the file system does not answer; its thread is left behind.

    Where `LEFT_BEHIND_MAX` of a library are, it is not asked at all until one of them comes back.
    """
    if _left_behind[library] >= LEFT_BEHIND_MAX:
        raise _silent(library)
    done = threading.Event()
    result: list[T] = []
    failure: list[BaseException] = []
    late: list[bool] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            failure.append(error)
        finally:
            with _lock:
                done.set()
                if late:
                    _count(library, -1)

    threading.Thread(target=run, name="check-files", daemon=True).start()
    if not done.wait(ASKED_S):
        with _lock:
            if not done.is_set():
                late.append(True)
                _count(library, 1)
        if late:
            raise _silent(library)
    if failure:
        raise failure[0]
    return result[0]


def _count(library: str, change: int) -> None:
    _left_behind[library] += change
    if not _left_behind[library]:
        del _left_behind[library]


def _silent(library: str) -> LibraryOffline:
    return LibraryOffline(f"the files of library {library} do not answer", "is the network share mounted?")
