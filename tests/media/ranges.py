"""Recordings behind a network, in memory: `ByteRanges` that count what is asked of them, and fail at will."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from plexcut.domain.media import SourceStatus
from plexcut.errors import LibraryOffline


class MemoryRanges:
    """Bytes in memory. `latency_s` passes at every request; `gate`, once set to an event, holds them all back.

    `most_at_once` tells how many requests were under way at one time.
    """

    def __init__(self, data: bytes, name: str = "film.ts", latency_s: float = 0.0) -> None:
        self.data = data
        self.name = name
        self.key = f"memory/{name}/{id(self)}"
        self.version = 1
        self.latency_s = latency_s
        self.gate: threading.Event | None = None
        self.fail_next = 0
        self.offline = False
        self.asked: list[tuple[int, int]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, path: Path, latency_s: float = 0.0) -> MemoryRanges:
        return cls(path.read_bytes(), path.name, latency_s)

    @property
    def bytes_asked(self) -> int:
        return sum(size for _, size in self.asked)

    def status(self) -> SourceStatus:
        if self.offline:
            raise LibraryOffline("the host is gone")
        return SourceStatus(len(self.data), self.version)

    def read(self, start: int, size: int) -> bytes:
        with self._lock:
            self.asked.append((start, size))
            failing, self.fail_next = self.fail_next > 0, max(0, self.fail_next - 1)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        if self.gate is not None:
            self.gate.wait(60)
        time.sleep(self.latency_s)
        with self._lock:
            self.at_once -= 1
        if self.offline or failing:
            raise LibraryOffline("the host is gone")
        return self.data[start : start + size]
