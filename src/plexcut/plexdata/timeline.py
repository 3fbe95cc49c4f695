"""The seed's timeline: pictures around a place in the selected movie, written as files below the static folder."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from plexcut.domain.catalog import Item
from plexcut.domain.media import PictureFormat
from plexcut.domain.timecode import US_PER_S, FrameNumber, floor_us, format_timecode, us_to_s
from plexcut.errors import CannotWrite, ItemNotFound, RecordingChanged, UsageError
from plexcut.plexdata.frames import Frames, check_width
from plexcut.plexdata.keeping import read_position
from plexcut.plexdata.model import TimelineFrame, Written

log = logging.getLogger(__name__)

MAX_PICTURES = 500
MAX_STATIC_BYTES = 1 << 30
"""The static folder's bound; beyond it the oldest pictures go."""
KEEP_BELOW = 0.9
"""How much of the bound is left after clearing, so that not every picture clears again."""

_FORMATS: dict[str, PictureFormat] = {"jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp"}
_BASENAME = re.compile(r"^(?P<stem>[^/\\\x00-\x1f]{1,100})\.(?P<suffix>[A-Za-z]{3,4})$")


@dataclass(frozen=True, slots=True)
class TimelineOrder:
    """What `Plexdata.timeline` was asked."""

    movie: Item
    basename: str
    pos: Written
    l: int  # noqa: E741 - the seed's name
    r: int
    step: Written
    size: int


@dataclass(frozen=True, slots=True)
class _Name:
    """A checked `basename`."""

    stem: str
    suffix: str
    fmt: PictureFormat

    def at(self, time_us: int) -> str:
        """`frame_00:01:00.jpg`, or `frame_00:01:00.500.jpg` where the time has a fraction."""
        has_fraction = time_us // 1000 % 1000 != 0
        return f"{self.stem}_{format_timecode(Fraction(time_us, US_PER_S), millis=has_fraction)}.{self.suffix}"


class Timeline:
    """Writes pictures to `<static>/<recording>/`, each in one step, and keeps the folder below its bound."""

    def __init__(self, frames: Frames, static_dir: Path, max_bytes: int = MAX_STATIC_BYTES) -> None:
        self._frames = frames
        self._static = static_dir
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._used_bytes: int | None = None

    def timeline(self, order: TimelineOrder) -> tuple[TimelineFrame, ...]:
        """Write the pictures and name them. Raises as `Plexdata.timeline`."""
        name = _read_basename(order.basename)
        if order.l > order.r or order.r - order.l >= MAX_PICTURES:
            raise UsageError(f"l..r is {order.l}..{order.r}, possible are 1 to {MAX_PICTURES} pictures")
        check_width(order.size)
        recording = order.movie.recording
        if recording is None:
            raise ItemNotFound(f"{order.movie.title!r} has no recording")
        step = read_position(order.step)
        pos = read_position(order.pos)
        if isinstance(step, FrameNumber) or step <= 0:
            raise UsageError(f"step is {order.step}, it must be seconds above 0")
        file = self._frames.file(recording)
        last_us = self._frames.last_time_us(file.source, self._frames.facts(file.source))
        if isinstance(pos, FrameNumber):
            pos = Fraction(self._frames.frame(recording, pos, 16, "jpg").time_us, US_PER_S)
        places = {k: min(max(0, floor_us(pos + k * step)), last_us) for k in range(order.l, order.r + 1)}
        wanted = sorted(set(places.values()))
        folder = self._folder(recording)

        def make(time_us: int) -> tuple[int, int]:
            picture = self._frames.frame(recording, Fraction(time_us, US_PER_S), order.size, name.fmt)
            if picture.frame is None:
                raise RecordingChanged(f"{file.source.name} has changed", "is it still being recorded? Ask again later")
            self._write(folder / name.at(time_us), picture.data)
            return picture.frame, picture.time_us

        with ThreadPoolExecutor(min(len(wanted), os.cpu_count() or 1, 4), "timeline") as pool:
            made = dict(zip(wanted, pool.map(make, wanted), strict=True))
        self._bound({folder / name.at(time_us) for time_us in wanted})
        return tuple(
            TimelineFrame(k, us_to_s(us), made[us][0], us_to_s(made[us][1]), recording, name.at(us))
            for k, us in places.items()
        )

    def _folder(self, recording: str) -> Path:
        folder = self._static / recording
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"{folder} cannot be made: {error.strerror}") from None
        return folder

    def _write(self, target: Path, data: bytes) -> None:
        try:
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as out:
                    out.write(data)
                Path(temporary).chmod(0o644)
                Path(temporary).replace(target)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise CannotWrite(f"{target} cannot be written: {error.strerror}") from None
        with self._lock:
            if self._used_bytes is not None:
                self._used_bytes += len(data)

    def _bound(self, spared: set[Path]) -> None:
        with self._lock:
            if self._used_bytes is not None and self._used_bytes <= self._max_bytes:
                return
            found = sorted(_pictures(self._static), key=lambda entry: entry[1])
            used = sum(size for _, _, size in found)
            if used > self._max_bytes:
                for path, _, size in found:
                    if used <= self._max_bytes * KEEP_BELOW:
                        break
                    if path not in spared:
                        path.unlink(missing_ok=True)
                        used -= size
                log.info("the static folder was cleared down to %d bytes", used)
            self._used_bytes = used


def _pictures(folder: Path) -> list[tuple[Path, float, int]]:
    """Path, age and size of every file of ours: those one folder below the static folder."""
    found = []
    for path in folder.glob("*/*"):
        try:
            stat = path.lstat()
        except OSError:
            continue
        if path.is_file():
            found.append((path, stat.st_mtime, stat.st_size))
    return found


def _read_basename(basename: str) -> _Name:
    read = _BASENAME.match(basename)
    fmt = _FORMATS.get(read["suffix"].lower()) if read else None
    if read is None or fmt is None or ".." in basename or basename.startswith("."):
        raise UsageError(f"{basename[:100]!r} is no name for pictures", "name them like frame.jpg or frame.png")
    return _Name(read["stem"], read["suffix"], fmt)
