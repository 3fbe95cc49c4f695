"""Keeping the levels of recordings on disk, keyed by the identity of the file that they describe."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from plexcut.media.waveform.levels import CELLS_PER_S, FULL_SCALE, Grid, TrackLevels

log = logging.getLogger(__name__)

_VERSION = 1
_LIMIT_BYTES = 256 << 20
"""An hour of one track takes 860 KB."""


class LevelStore:
    """Levels in a folder, shared by all processes that use it; None keeps nothing.

    What cannot be written is not kept, what is damaged is measured again. Bounded: what was not used for the longest
    time goes first.
    """

    def __init__(self, folder: Path | None, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes

    def load(self, name: str, tracks: tuple[int, ...], cells: int) -> tuple[TrackLevels, ...] | None:
        """Levels of `tracks` with `cells` peaks each, if they are here and whole (the file carries checksums)."""
        if self._folder is None:
            return None
        path = self._folder / f"{name}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                meta = json.loads(bytes(stored["meta"]).decode())
                if meta != {"version": _VERSION, "tracks": list(tracks), "cells": cells}:
                    return None
                peaks, blocks = stored["peaks"], stored["blocks"]
            if peaks.shape != (len(tracks), cells) or peaks.dtype != np.uint16:
                raise ValueError("its peaks do not fit its tracks")
            if blocks.ndim != 2 or len(blocks) != len(tracks) or blocks.dtype != np.float32:
                raise ValueError("its loudness does not fit its tracks")
            os.utime(path)
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - what cannot be read, for whatever reason, is made again
            log.info("the waveform %s is of no use and is made again: %s", path.name, error)
            return None
        grid = Grid(Fraction(0), Fraction(1, CELLS_PER_S), cells)
        return tuple(
            TrackLevels(track, grid, row.astype(np.float32) / FULL_SCALE, 0, loud)
            for track, row, loud in zip(tracks, peaks, blocks, strict=True)
        )

    def save(self, name: str, levels: tuple[TrackLevels, ...]) -> None:
        """Keep levels that begin at time 0; in one step, so that no reader ever sees half of them."""
        if self._folder is None or not levels:
            return
        cells = levels[0].grid.count
        meta = {"version": _VERSION, "tracks": [found.track for found in levels], "cells": cells}
        peaks = np.stack([np.rint(found.peaks * FULL_SCALE).astype(np.uint16) for found in levels])
        blocks = np.stack([found.blocks for found in levels])
        temporary: str | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), peaks=peaks, blocks=blocks)
            Path(temporary).replace(self._folder / f"{name}.npz")
            self._make_room(f"{name}.npz")
        except OSError as error:
            log.info("the waveform %s cannot be kept: %s", name, error)
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    def _make_room(self, newest: str) -> None:
        assert self._folder is not None
        files = [(entry.stat(), Path(entry.path)) for entry in os.scandir(self._folder) if entry.name.endswith(".npz")]
        held = sum(status.st_size for status, _ in files)
        for status, path in sorted(files, key=lambda found: found[0].st_mtime_ns):
            if held <= self._limit:
                return
            if path.name != newest:
                path.unlink(missing_ok=True)
                held -= status.st_size
