"""What the C library's heap does with memory that was let go: pictures are large, and many threads decode them."""

from __future__ import annotations

import ctypes
import functools

_M_ARENA_MAX = -8
"""Parameter of glibc's `mallopt` (malloc.h)."""
_ARENAS = 2


@functools.cache
def share_arenas() -> None:
    """From now on all threads take memory from a few heaps; where glibc is, nothing elsewhere.

    By itself glibc gives nearly every thread a heap of its own. Each keeps what pictures once took for as long as one
    small block lies behind it: after some hundred pictures a fifth more memory is held than before, for good.
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:
        change(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return what was let go to the system now."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
