"""What the C library's heap does with memory that was let go: pictures are large, and many threads decode them."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager

_M_ARENA_MAX = -8
"""Parameter of glibc's `mallopt` (malloc.h)."""
_ARENAS = 2
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE_BYTES = 64 << 20
_USUAL_BYTES = 128 << 10


@functools.cache
def share_arenas() -> None:
    """From now on all threads take memory from a few heaps; where glibc is, nothing elsewhere.

    By itself glibc gives nearly every thread a heap of its own. Each keeps what pictures once took for as long as one
    small block lies behind it: after some hundred pictures a fifth more memory is held than before, for good.
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:
        change(_M_ARENA_MAX, _ARENAS)


@contextmanager
def kept_for_reuse() -> Iterator[None]:
    """What is let go meanwhile is kept for the next one who asks, blocks of many megabytes too; given back at the end.

    By itself glibc returns such blocks at once, and every page of the next one is cleared by the system again.
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is None:
        yield
        return
    change(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    change(_M_TRIM_THRESHOLD, 4 * _LARGE_BYTES)
    try:
        yield
    finally:
        change(_M_MMAP_THRESHOLD, _USUAL_BYTES)
        change(_M_TRIM_THRESHOLD, _USUAL_BYTES)
        give_back()


def give_back() -> None:
    """Return what was let go to the system now."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
