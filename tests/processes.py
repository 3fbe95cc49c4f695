"""What runs on this machine, for tests that start processes and wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def children(pid: int) -> list[int]:
    """The processes that any thread of `pid` started; threads and processes may end while this looks."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                found += map(int, (task / "children").read_text().split())
            except OSError:
                continue
    except OSError:
        return found
    return found


def command_of(pid: int) -> str:
    """Its command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """The first true answer of `what`; the limit is for a machine that is busy with much else."""
    until = time.monotonic() + timeout_s
    while not (answer := what()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return answer
