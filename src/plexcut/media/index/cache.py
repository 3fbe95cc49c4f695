"""Keeping indexes on disk, keyed by the identity of the file that they describe."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from plexcut.domain.media import Source
from plexcut.errors import FileUnreadable, PlexcutError
from plexcut.media.index.model import INDEX_VERSION, MediaIndex, Track, VideoTrack
from plexcut.media.sources import open_source, status_of

log = logging.getLogger(__name__)

_ROWS = {"pts": "i8", "dts": "i8", "at": "i8", "skip": "i4", "size": "i4", "flags": "u2"}
_ARRAYS = (*_ROWS, "display", "clock_at", "clock_add")
_SAMPLE_BYTES = 1 << 16


def fingerprint(source: Source) -> str:
    """Identity of a file's content: its size, modification time, and a hash of its head and tail.

    Raises:
        FileUnreadable: it cannot be read.
    """
    with open_source(source) as file:
        try:
            status = status_of(source)
            digest = hashlib.blake2b(digest_size=8)
            digest.update(file.read(_SAMPLE_BYTES))
            file.seek(max(0, status.size_bytes - _SAMPLE_BYTES))
            digest.update(file.read(_SAMPLE_BYTES))
        except PlexcutError:
            raise
        except OSError as error:
            raise FileUnreadable(f"{source.name} cannot be read: {error.strerror or error}") from None
    return f"{status.size_bytes:x}-{status.version:x}-{digest.hexdigest()}"


class IndexCache:
    """Indexes in a folder; None keeps nothing. What cannot be written is not kept, what is damaged is made again."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, identity: str, program: int | None) -> MediaIndex | None:
        """The index of the file with this fingerprint, if it is here and whole."""
        if self._folder is None:
            return None
        path = self._path(identity, program)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                meta = json.loads(bytes(stored["meta"]).decode())
                if meta["version"] != INDEX_VERSION:
                    return None
                index = _from_stored(meta, {name: stored[name] for name in _ARRAYS})
            _check(index, identity)
            return index
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - a cache that cannot be read, for whatever reason, is made again
            log.info("index cache %s is of no use and is made again: %s", path.name, error)
            return None

    def save(self, identity: str, program: int | None, index: MediaIndex) -> None:
        """Keep an index; in one step, so that no reader ever sees half of it."""
        if self._folder is None:
            return
        path = self._path(identity, program)
        meta = json.dumps({"version": INDEX_VERSION, **_to_stored(index)}).encode()
        temporary: str | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                arrays = {name: getattr(index, name) for name in _ARRAYS}
                np.savez(file, meta=np.frombuffer(meta, np.uint8), **arrays)
            Path(temporary).replace(path)
        except OSError as error:
            log.info("index cache %s cannot be written: %s", path.name, error)
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    def _path(self, identity: str, program: int | None) -> Path:
        assert self._folder is not None
        return self._folder / f"{identity}{'' if program is None else f'-p{program}'}.npz"


def _check(index: MediaIndex, identity: str) -> None:
    """Raises ValueError for an index that does not hold together, or is of a file of another size."""
    rows = index.pts.size
    arrays = [(getattr(index, name), kind, rows) for name, kind in _ROWS.items()]
    arrays += [(index.display, "i8", index.display.size), (index.clock_at, "i8", index.clock_at.size)]
    arrays += [(index.clock_add, "i8", index.clock_at.size)]
    if any(array.dtype != np.dtype(kind) or array.shape != (size,) for array, kind, size in arrays):
        raise ValueError("its columns do not fit together")
    shown = index.display
    if (
        not shown.size
        or int(shown.min()) < 0
        or int(shown.max()) >= rows
        or bool((np.diff(index.pts[shown]) <= 0).any())
    ):
        raise ValueError("its frames do not fit its rows")
    if index.time_base <= 0 or index.size_bytes != int(identity.partition("-")[0], 16):
        raise ValueError("it is of another file")


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
    }


def _from_stored(meta: dict[str, Any], arrays: dict[str, Any]) -> MediaIndex:
    video = dict(meta["video"])
    video["sample_aspect"] = Fraction(video["sample_aspect"])
    video["extradata"] = bytes.fromhex(video["extradata"])
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
        **arrays,
    )
