"""The files of a stand-in for a Plex Media Server, handed out by ranges as real servers do, and as broken ones do."""

from __future__ import annotations

import re
import threading
from email.utils import formatdate
from pathlib import Path

_PART = re.compile(r"/library/parts/(\d+)/\d+/file\.\w+")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")

Answer = tuple[int, str, bytes, dict[str, str]]


class PlexParts:
    """What lies behind the parts.

    `validator`: "modified", "etag" or "" (nothing). `range_mode`: "ok", "ignored" (the whole file with 200), "shifted"
    (other bytes than asked for), "unnamed" (206 without Content-Range). Every `drop_every`-th answer breaks off in the
    middle (0: none). `part_latency_s` passes before each answer.
    """

    def __init__(self) -> None:
        self.validator = "modified"
        self.range_mode = "ok"
        self.drop_every = 0
        self.part_latency_s = 0.0
        self.part_requests = 0
        self.part_bytes = 0
        self._contents: dict[str, Path] = {}
        self._counting = threading.Lock()

    def hand_out(self, path: str, local: Path) -> None:
        """Serve the local file as that of `path`, as Plex names it, without the other being there."""
        self._contents[path] = local

    def is_part(self, path: str) -> bool:
        """Whether a path names a file, not what else there is of a part."""
        return _PART.fullmatch(path) is not None

    def path_of_part(self, number: int) -> str | None:
        raise NotImplementedError

    def part(self, path: str, wanted: str | None, stopped: threading.Event) -> tuple[Answer, bool]:
        """The answer, and whether it breaks off."""
        with self._counting:
            self.part_requests += 1
            drop = bool(self.drop_every) and self.part_requests % self.drop_every == 0
        if self.part_latency_s:
            stopped.wait(self.part_latency_s)
        match = _PART.fullmatch(path)
        local = self._contents.get(self.path_of_part(int(match[1])) or "") if match else None
        if local is None or not local.is_file():
            return (404, "text/html", b"<html><body><h1>404 Not Found</h1></body></html>", {}), False
        status, kind, body, headers = self._ranged(local, wanted)
        with self._counting:
            self.part_bytes += len(body)
        return (status, kind, body, headers), drop

    def _ranged(self, local: Path, wanted: str | None) -> Answer:
        total = local.stat().st_size
        headers = {"Accept-Ranges": "bytes"}
        if self.validator == "modified":
            headers["Last-Modified"] = formatdate(local.stat().st_mtime, usegmt=True)
        elif self.validator == "etag":
            headers["ETag"] = f'"{local.stat().st_mtime_ns:x}"'
        match = _RANGE.fullmatch(wanted or "")
        if match is None or self.range_mode == "ignored":
            return 200, "video/mp2t", local.read_bytes(), headers
        first, last = int(match[1]), min(int(match[2] or total), total - 1)
        if first >= total:
            return 416, "text/html", b"", {**headers, "Content-Range": f"bytes */{total}"}
        if self.range_mode == "shifted":
            first, last = max(0, first - 1), max(0, last - 1)
        with local.open("rb") as file:
            file.seek(first)
            body = file.read(last - first + 1)
        if self.range_mode != "unnamed":
            headers["Content-Range"] = f"bytes {first}-{last}/{total}"
        return 206, "video/mp2t", body, headers
