"""Keeping indexes on disk, keyed by the identity of the file that they describe, and mapped into memory from there."""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import Source
from plexcut.errors import FileUnreadable
from plexcut.media.index.companions import RawPes
from plexcut.media.index.model import INDEX_VERSION, MediaIndex, RawScan, Track, VideoTrack
from plexcut.media.index.sent import SentClocks
from plexcut.media.sources import open_source, status_of

log = logging.getLogger(__name__)

_ROWS = {"pts": "<i8", "dts": "<i8", "at": "<i8", "skip": "<i2", "size": "<i4", "flags": "<u2"}
_OTHERS = {"display": "<i4", "clock_at": "<i8", "clock_add": "<i8"}
_RAW_ROWS = {"raw.hint": "<u2", "raw.timed": "u1"}
_RAW_ODD = {"raw.odd": "<i8", "raw.odd_pts": "<i8", "raw.odd_dts": "<i8"}
_RAW_PES = {"raw.pes.pid": "<i2", "raw.pes.at": "<u4", "raw.pes.pts": "<u4", "raw.pes.high": "<u2"}
_RAW = {**_RAW_ROWS, **_RAW_ODD, **_RAW_PES, "raw.breaks": "<i8"}

_MAGIC = b"plexcut index\r\n\x00"
_SUFFIX = ".index"
_ALIGNMENT = 64
_SAMPLE_BYTES = 1 << 16
_LONGEST_HEADER = 16 << 20
_PIECE_BYTES = 1 << 20
_PIECE_ROWS = 1 << 16

Columns = dict[str, npt.NDArray[Any]]


def fingerprint(source: Source) -> str:
    """Identity of a file's content: its size, modification time, and a hash of its head and tail.

    Raises:
        FileUnreadable: it cannot be read.
    """
    status = status_of(source)
    return f"{status.size_bytes:x}-{status.version:x}-{_samples(source, status.size_bytes)}"


def only_grew(source: Source, identity: str) -> bool:
    """Whether the file is longer than the one with this fingerprint was, and begins with it, as far as can be told.

    Raises:
        FileUnreadable: it cannot be read.
    """
    return status_of(source).size_bytes > size_of(identity) and begins_with(source, identity)


def begins_with(source: Source, identity: str) -> bool:
    """Whether the file has the content that this was the fingerprint of, with more behind it or not, as far as can be
    told from samples; its modification time may be another one. False where that is no fingerprint.

    Raises:
        FileUnreadable: it cannot be read.
    """
    try:
        before, digest = size_of(identity), identity.rpartition("-")[2]
    except ValueError:
        return False
    return status_of(source).size_bytes >= before and _samples(source, before) == digest


def size_of(identity: str) -> int:
    """The size of the file with this fingerprint, in bytes."""
    return int(identity.partition("-")[0], 16)


def _samples(source: Source, size_bytes: int) -> str:
    """A hash of the first bytes and of the last ones before `size_bytes`."""
    with open_source(source) as file:
        try:
            digest = hashlib.blake2b(digest_size=8)
            digest.update(file.read(min(_SAMPLE_BYTES, size_bytes)))
            file.seek(max(0, size_bytes - _SAMPLE_BYTES))
            digest.update(file.read(min(_SAMPLE_BYTES, size_bytes)))
        except OSError as error:
            if isinstance(error, FileUnreadable):
                raise
            raise FileUnreadable(f"{source.name} cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: index files, and their bytes in all."""

    files: int = 1000
    size_bytes: int = 2 << 30


class IndexCache:
    """Indexes in a folder, shared by processes; None keeps nothing.

    What cannot be written is not kept; what is damaged, or of another version, is made again. Those that were not used
    for longest go first.
    """

    def __init__(self, folder: Path | None, limits: Limits | None = None) -> None:
        self._folder = folder
        self._limits = limits or Limits()

    def load(self, identity: str, program: int | None) -> MediaIndex | None:
        """The index of the file with this fingerprint, if it is here and whole. Its columns cannot be written to."""
        for path in self._found(f"{_stem(identity, program)}@*"):
            index = self._read(path, identity)
            if index is not None:
                return index
        return None

    def load_shorter(self, source: Source, place: str, program: int | None) -> MediaIndex | None:
        """The index of the file as it was here before it grew.

        Raises:
            FileUnreadable: the file cannot be read.
        """
        for path in self._found(f"*@{_hashed(place)}"):
            identity = _identity(path)
            if path.name.startswith(f"{_stem(identity, program)}@") and only_grew(source, identity):
                index = self._read(path, identity)
                if index is not None:
                    return index
        return None

    def save(self, identity: str, program: int | None, index: MediaIndex, place: str = "") -> None:
        """Keep an index; in one step, so that no reader ever sees half of it.

        `place` tells where the file is: indexes of what was there before are thrown away.
        """
        if self._folder is None:
            return
        path = self._folder / f"{_stem(identity, program)}@{_hashed(place)}{_SUFFIX}"
        temporary: str | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                for piece in _pieces(index):
                    file.write(piece)
            Path(temporary).replace(path)
        except OSError as error:
            log.info("index cache %s cannot be written: %s", path.name, error)
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            return
        if place:
            for other in self._found(f"*@{_hashed(place)}"):
                if _identity(other) != identity:
                    other.unlink(missing_ok=True)
        self._make_room(path)

    def _read(self, path: Path, identity: str) -> MediaIndex | None:
        try:
            index = _mapped(path)
            if index is None:
                return None
            if index.size_bytes != size_of(identity):
                raise ValueError("it is of another file")
            os.utime(path)
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - a cache that cannot be read, for whatever reason, is made again
            log.info("index cache %s is of no use and is made again: %s", path.name, error)
            return None
        return index

    def _found(self, pattern: str) -> list[Path]:
        if self._folder is None:
            return []
        try:
            return list(self._folder.glob(pattern + _SUFFIX))
        except OSError:
            return []

    def _make_room(self, fresh: Path) -> None:
        """Remove what exceeds the limits, and what was left behind by processes that ended."""
        assert self._folder is not None
        kept: list[tuple[int, int, Path]] = []
        with suppress(OSError):
            for path in self._folder.iterdir():
                with suppress(OSError):
                    status = path.stat()
                    kept.append((status.st_mtime_ns, status.st_size, path))
        size = sum(entry[1] for entry in kept)
        count = len(kept)
        for _, bytes_freed, path in sorted(kept):
            if count <= self._limits.files and size <= self._limits.size_bytes:
                return
            if path != fresh and path.suffix in (_SUFFIX, ".part", ".npz"):
                path.unlink(missing_ok=True)
                count, size = count - 1, size - bytes_freed


def _stem(identity: str, program: int | None) -> str:
    return f"{identity}{'' if program is None else f'-p{program}'}"


def _identity(path: Path) -> str:
    return "-".join(path.name.partition("@")[0].split("-")[:3])


def _hashed(place: str) -> str:
    return hashlib.blake2b(place.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _pieces(index: MediaIndex) -> Iterator[bytes | memoryview]:
    """The file: what it is, the length and checksum of the header, the header (JSON), the columns, each aligned."""
    columns = _columns(index)
    placed, at, checksum = {}, 0, 0
    body: list[bytes | memoryview] = []
    for name, array in columns.items():
        data = np.ascontiguousarray(array)
        padding = bytes(-data.nbytes % _ALIGNMENT)
        placed[name] = [at, int(data.size)]
        at += data.nbytes + len(padding)
        body += [data.data.cast("B") if data.size else b"", padding]
    for piece in body:
        checksum = zlib.crc32(piece, checksum)
    header = json.dumps({**_to_stored(index), "columns": placed, "size": at, "checksum": checksum}).encode()
    start = len(_MAGIC) + 12
    header += b" " * (-(start + len(header)) % _ALIGNMENT)
    yield _MAGIC
    yield struct.pack("<3I", INDEX_VERSION, len(header), zlib.crc32(header))
    yield header
    yield from body


def _mapped(path: Path) -> MediaIndex | None:
    """The index in a file; None where it is of another version. Raises ValueError, KeyError, ... for damage."""
    with path.open("rb") as file:
        start = file.read(len(_MAGIC) + 12)
        if not start.startswith(_MAGIC):
            raise ValueError("it is no index")
        version, length, checksum = struct.unpack_from("<3I", start, len(_MAGIC))
        if version != INDEX_VERSION:
            return None
        header = file.read(length) if length <= _LONGEST_HEADER else b""
        if zlib.crc32(header) != checksum:
            raise ValueError("its header is damaged")
        meta = json.loads(header)
        begin = len(start) + length
        if os.fstat(file.fileno()).st_size != begin + meta["size"]:
            raise ValueError("it is cut off")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    body = memoryview(mapped)[begin:]
    checksum = 0
    for at in range(0, len(body), _PIECE_BYTES):
        checksum = zlib.crc32(body[at : at + _PIECE_BYTES], checksum)
        _let_go(mapped)
    if checksum != meta["checksum"]:
        raise ValueError("its columns are damaged")
    columns: Columns = {}
    for name, kind in {**_ROWS, **_OTHERS, **_RAW}.items():
        if name in meta["columns"]:
            at, count = meta["columns"][name]
            columns[name] = np.frombuffer(body, kind, count, at) if count else np.empty(0, kind)
    index = _from_stored(meta, columns)
    _check(index, lambda: _let_go(mapped))
    return index


def _let_go(mapped: mmap.mmap) -> None:
    """Count what was read of it as the system's memory again, not as this process's."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _columns(index: MediaIndex) -> Columns:
    columns = {name: np.asarray(getattr(index, name), kind) for name, kind in {**_ROWS, **_OTHERS}.items()}
    raw = index.raw
    if raw is not None:
        clocks = (raw.clocks.timed, raw.clocks.odd, raw.clocks.odd_pts, raw.clocks.odd_dts)
        found = (raw.hint, *clocks, *raw.pes.columns, raw.breaks)
        columns |= {name: np.asarray(array, _RAW[name]) for name, array in zip(_RAW, found, strict=True)}
    return columns


def _check(index: MediaIndex, let_go: Callable[[], None]) -> None:
    """Raises ValueError for an index that does not hold together; `let_go` of what was looked at."""
    rows = index.pts.size
    lengths = [getattr(index, name).size == rows for name in _ROWS]
    lengths.append(index.clock_add.size == index.clock_at.size)
    if index.raw is not None:
        raw = index.raw
        lengths += [raw.hint.size == rows, raw.clocks.timed.size == -(-rows // 8)]
        lengths += [array.size == raw.clocks.odd.size for array in (raw.clocks.odd_pts, raw.clocks.odd_dts)]
        lengths.append(bool(((raw.clocks.odd >= 0) & (raw.clocks.odd < rows)).all()))
        lengths += [array.size == raw.pes.pid.size for array in raw.pes.columns]
    if not all(lengths):
        raise ValueError("its columns do not fit together")
    if not index.frames or index.time_base <= 0:
        raise ValueError("it has no frames")
    for at in range(0, index.frames, _PIECE_ROWS):
        # With the one before.
        shown = index.display[max(at - 1, 0) : at + _PIECE_ROWS]
        if int(shown.min()) < 0 or int(shown.max()) >= rows or bool((np.diff(index.pts[shown]) <= 0).any()):
            raise ValueError("its frames do not fit its rows")
        let_go()


def _to_stored(index: MediaIndex) -> dict[str, Any]:
    video = asdict(index.video)
    video["sample_aspect"] = str(index.video.sample_aspect)
    video["extradata"] = index.video.extradata.hex()
    return {
        "container": index.container,
        "program": index.program,
        "time_base": str(index.time_base),
        "video": video,
        "tracks": [asdict(track) for track in index.tracks],
        "discontinuities": index.discontinuities,
        "size_bytes": index.size_bytes,
        "dropped": list(index.dropped),
        "pmt": index.pmt.hex(),
        "pmt_pid": index.pmt_pid,
        "last_ticks": index.last_ticks,
        "raw": None if index.raw is None else {"hint_bits": index.raw.hint_bits, "promoted": index.raw.promoted},
    }


def _from_stored(meta: dict[str, Any], columns: Columns) -> MediaIndex:
    video = dict(meta["video"])
    video["sample_aspect"] = Fraction(video["sample_aspect"])
    video["extradata"] = bytes.fromhex(video["extradata"])
    raw = None
    if meta["raw"] is not None:
        raw = RawScan(
            clocks=SentClocks(*(columns[name] for name in ("raw.timed", *_RAW_ODD))),
            hint=columns["raw.hint"],
            hint_bits=int(meta["raw"]["hint_bits"]),
            breaks=columns["raw.breaks"],
            promoted=bool(meta["raw"]["promoted"]),
            pes=RawPes(*(columns[name] for name in _RAW_PES)),
        )
    return MediaIndex(
        container=meta["container"],
        program=meta["program"],
        time_base=Fraction(meta["time_base"]),
        video=VideoTrack(**video),
        tracks=tuple(Track(**track) for track in meta["tracks"]),
        discontinuities=meta["discontinuities"],
        size_bytes=meta["size_bytes"],
        dropped=tuple(meta["dropped"]),
        pmt=bytes.fromhex(meta["pmt"]),
        pmt_pid=meta["pmt_pid"],
        last_ticks=int(meta["last_ticks"]),
        raw=raw,
        **{name: columns[name] for name in (*_ROWS, *_OTHERS)},
    )
