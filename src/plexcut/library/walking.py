"""Folders of this machine in which recordings may lie: which there are, and looking for files below them."""

from __future__ import annotations

import logging
import os
import re
import time
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from plexcut.domain.setup import Folders, is_system
from plexcut.errors import NotAllowed
from plexcut.library.bounded import Bounded, Stuck, Tick
from plexcut.library.folder.names import is_recording

log = logging.getLogger(__name__)

_SILENCE_S = 3.0
_SEARCH_S = 12.0
"""So long all folders together are looked through by name."""
_ENTRIES_MAX = 200_000
_DEPTH_MAX = 7
_SHOWN_MAX = 200

_ROOTS = ("/media", "/mnt", "/srv", "/data", "/share", "/storage", "/export", "/recordings", "/volume1", "/Volumes")
_PSEUDO = frozenset(
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl fuse.portal hugetlbfs"
    " mqueue nsfs overlay proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs".split()
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def media_places() -> tuple[Path, ...]:
    """Where recordings usually lie: mounted file systems, the usual folders for media, and the user's own."""
    found = [Path(root) for root in _ROOTS] + _mounts()
    home = Path.home()
    found += [home / name for name in ("Videos", "Recordings", "Media")] + [home]
    return tuple(place for place in dict.fromkeys(found) if not is_system(place))


def _mounts() -> list[Path]:
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, at, kind, *_ = [*line.split(" "), "", ""]
        place = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), at))
        if kind not in _PSEUDO and not is_system(place):
            found.append(place)
    return found


class Search:
    """Looks for files below some folders; one that hangs is given up."""

    def __init__(self, places: Iterable[Path]) -> None:
        self._places = tuple(p for p in dict.fromkeys(places) if p.is_absolute() and not is_system(p))
        self._bounded = Bounded(_SILENCE_S, hanging_max=8)
        self._until = time.monotonic() + _SEARCH_S
        self._files: dict[str, list[Path]] | None = None

    def tails(self, parts: Sequence[str]) -> Iterator[Path]:
        """Files whose path below a folder is an end of `parts`, the longest ends first."""
        seen: set[Path] = set()
        for place in self._places:
            try:
                found = self._bounded(partial(_tail, place, parts))
            except Stuck:
                log.info("%s does not answer and is not looked into", place)
                continue
            if found is not None and found not in seen:
                seen.add(found)
                yield found

    def named(self, names: Iterable[str]) -> Iterator[Path]:
        """Files with one of these names (NFC), anywhere below the folders."""
        if self._files is None:
            self._files = {}
            looked: set[tuple[int, int]] = set()
            for place in self._places:
                try:
                    self._bounded(partial(self._collect, place, looked))
                except Stuck:
                    log.info("%s does not answer and is not looked through", place)
        for name in names:
            yield from self._files.get(name, ())

    def _collect(self, place: Path, looked: set[tuple[int, int]], tick: Tick) -> None:
        assert self._files is not None
        waiting: deque[tuple[str, int]] = deque([(str(place), 0)])
        while waiting and time.monotonic() < self._until and len(looked) < _ENTRIES_MAX:
            folder, depth = waiting.popleft()
            tick()
            try:
                status = os.stat(folder)  # noqa: PTH116
                if (status.st_dev, status.st_ino) in looked:
                    continue
                looked.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            if depth < _DEPTH_MAX and not (depth == 0 and is_system(Path(entry.path))):
                                waiting.append((entry.path, depth + 1))
                        elif is_recording(entry.name):
                            name = unicodedata.normalize("NFC", entry.name)
                            self._files.setdefault(name, []).append(Path(entry.path))
            except OSError:
                continue


def _tail(place: Path, parts: Sequence[str], _tick: Tick) -> Path | None:
    for first in range(len(parts)):
        for form in (None, "NFC", "NFD"):
            end = parts[first:] if form is None else [unicodedata.normalize(form, part) for part in parts[first:]]
            path = place.joinpath(*end)
            try:
                if path.is_file():
                    return path
            except (OSError, ValueError):
                continue
    return None


def folders_like(written: str, also: Sequence[Path] = (), closed: Sequence[Path] = ()) -> Folders:
    """Folders that complete what was written: those in it where it ends with `/`, else those beside it that begin so.

    Nothing written: places where recordings usually lie, and `also`. Hidden folders, those of the system and what lies
    in `closed` are left out. Never fails for a folder that is not there or does not answer: it has no folders then.

    Raises:
        NotAllowed: the folder is the system's, or closed.
    """
    bounded = Bounded(_SILENCE_S)
    text = written.strip()
    if not text:
        places = [place for place in (*also, *media_places()) if not _is_closed(place, closed)]
        there = [str(place) for place in dict.fromkeys(places) if _answers(bounded, place)]
        return Folders("", tuple(there[:_SHOWN_MAX]))
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # nobody has that name
        return Folders("", ())
    if not path.is_absolute():
        return Folders("", ())
    folder, begin = (path, "") if text.endswith("/") else (path.parent, path.name)

    def look(_tick: Tick) -> list[str] | None:
        try:
            real = folder.resolve()
            if (is_system(real) and real != Path("/")) or _is_closed(real, closed):
                return None
            with os.scandir(real) as entries:
                found = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
        except (OSError, RuntimeError, ValueError):
            return []
        kept = [name for name in found if not _hidden(real / name, closed)]
        return sorted((name for name in kept if name.casefold().startswith(begin.casefold())), key=str.casefold)

    try:
        names = bounded(look)
    except Stuck:
        names = []
    if names is None:
        raise NotAllowed(f"{folder} is not for recordings", "choose another folder")
    found = tuple(str(folder / name) for name in names[:_SHOWN_MAX])
    return Folders(str(folder), found, more=len(names) > _SHOWN_MAX)


def _answers(bounded: Bounded, place: Path) -> bool:
    try:
        return bounded(lambda _tick: place.is_dir())
    except (Stuck, OSError):
        return False


def _is_closed(path: Path, closed: Sequence[Path]) -> bool:
    return any(path == one or one in path.parents for one in closed)


def _hidden(path: Path, closed: Sequence[Path]) -> bool:
    """Whether a folder is not offered: the system's, or a link that leads there."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError):
        return True
    return is_system(real) or _is_closed(real, closed)
