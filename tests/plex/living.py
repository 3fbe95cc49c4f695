"""What a stand-in for a Plex Media Server does by itself and when it is told: scanning, analysing, counting plays.

After `live(measure)` a file's size and duration are what the last scan and analysis found, not what they are now.
`mount(folder, local)` says where a folder, as Plex names it, really is. A scan takes `scan_s`, an analysis `analyze_s`;
`deaf` makes it accept both and do nothing. A file that a scan finds is a new item, or with `merges` a further version
of the one beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

_ENDINGS = {".ts", ".mkv", ".mp4"}
_WATCHED = 0.9

Answer = tuple[int, str, bytes]


class PlexLife:
    """See the module. `durations_ms` and `sizes` are by path, as Plex names it."""

    _items: dict[int, Any]
    _contents: dict[str, Path]

    def __init__(self) -> None:
        self.scan_s = self.analyze_s = 0.0
        self.deaf = self.merges = False
        self.told: list[str] = []
        self.durations_ms: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self._measure: Callable[[Path], int] | None = None
        self._mounts: dict[str, Path] = {}
        self._pending: list[tuple[float, Callable[[], None]]] = []

    def mount(self, folder: str, local: Path) -> None:
        """Files below `folder`, as Plex names it, lie below `local`."""
        self._mounts[folder] = local

    def live(self, measure: Callable[[Path], int]) -> None:
        """From now on it knows what it has scanned; `measure` gives a file's duration in ms."""
        self._measure = measure
        for item in self._items.values():
            for path in self._paths(item):
                self._scan_file(path)
                self._analyze_file(path)

    def local(self, path: str) -> Path:
        """Where a file of the server really is."""
        if path in self._contents:
            return self._contents[path]
        for folder, local in self._mounts.items():
            if path.startswith(folder + "/"):
                return local / path[len(folder) + 1 :]
        return Path(path)

    def watched(self, key: int) -> tuple[int | None, int]:
        """Resume point (ms) and plays of an item."""
        attributes = self._items[key].attributes
        return attributes.get("viewOffset"), int(attributes.get("viewCount") or 0)

    def catch_up(self) -> None:
        """What should have been done by now."""
        now = time.monotonic()
        due = [work for at, work in self._pending if at <= now]
        self._pending = [(at, work) for at, work in self._pending if at > now]
        for work in due:
            work()

    def refresh(self, section: int, folder: str) -> Answer:
        """A scan of a section, of one folder only where there is one."""
        self.told.append(f"refresh {section} {folder}")
        if self._measure is not None and not self.deaf:
            self._pending.append((time.monotonic() + self.scan_s, lambda: self._scan(section, folder)))
        return 200, "text/html", b""

    def analyze(self, item: Any) -> Answer:
        """Open its files again."""
        self.told.append(f"analyze {item.key}")
        if self._measure is not None and not self.deaf:
            work = lambda: [self._analyze_file(path) for path in self._paths(item)]  # noqa: E731
            self._pending.append((time.monotonic() + self.analyze_s, work))  # type: ignore[arg-type]
        return 200, "text/html", b""

    def play(self, what: str, query: dict[str, str]) -> Answer | None:
        """`/:/progress`, `/:/timeline`, `/:/scrobble`, `/:/unscrobble`; None: no such item."""
        key = query.get("ratingKey") or query.get("key", "")
        item = self._items.get(int(key)) if key.isdigit() else None
        if item is None or query.get("identifier") != "com.plexapp.plugins.library":
            return None
        self.told.append(" ".join(filter(None, [what, key, query.get("time")])))
        attributes = item.attributes
        if what in {"progress", "timeline"}:
            offset = int(query.get("time") or 0)
            if offset >= _WATCHED * self._length_ms(item):
                what = "scrobble"
            elif offset > 0:
                attributes |= {"viewOffset": offset, "lastViewedAt": int(time.time())}
        if what == "scrobble":
            plays = int(attributes.get("viewCount") or 0) + 1
            attributes |= {"viewCount": plays, "viewOffset": None, "lastViewedAt": int(time.time())}
        if what == "unscrobble":
            attributes |= {"viewCount": None, "viewOffset": None, "lastViewedAt": None}
        return 200, "text/html", b""

    def _length_ms(self, item: Any) -> int:
        known = [self.durations_ms.get(path) for path in self._paths(item)]
        return next((duration for duration in known if duration), 5062)

    def _scan(self, section: int, folder: str) -> None:
        here = [item for item in self._items.values() if item.section.key == section]
        known = {path: item for item in here for path in self._paths(item)}
        for path in known:
            if str(PurePosixPath(path).parent) == folder or path.startswith(folder + "/"):
                self._scan_file(path)
        local = self.local(folder + "/x").parent
        for file in sorted(local.iterdir()) if local.is_dir() else []:
            path = f"{folder}/{file.name}"
            if file.suffix in _ENDINGS and not file.name.startswith(".") and path not in known:
                beside = next((i for p, i in known.items() if str(PurePosixPath(p).parent) == folder), None)
                self._found(section, path, beside)
                self._scan_file(path)

    def _found(self, section: int, path: str, beside: Any) -> None:
        if beside is not None and self.merges:
            beside.files.append(path)
            return
        kind = beside.type if beside is not None else "movie"
        parent = beside.parent if beside is not None else None
        more = {"index": 99} if kind == "episode" else {}
        self._add(kind, PurePosixPath(path).stem, self._sections[section], parent, [path], more)  # type: ignore[attr-defined]

    def _scan_file(self, path: str) -> None:
        local = self.local(path)
        if local.is_file():
            self.sizes[path] = local.stat().st_size

    def _analyze_file(self, path: str) -> None:
        local = self.local(path)
        if local.is_file() and self._measure is not None:
            self.durations_ms[path] = self._measure(local)

    @staticmethod
    def _paths(item: Any) -> list[str]:
        return [path for entry in item.files for path in ([entry] if isinstance(entry, str) else entry)]
