"""Filmstrips: chosen, made, put together, kept."""

from __future__ import annotations

import json
import logging
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import Any

from plexcut.domain.media import Filmstrip, FilmstripOrder, PictureFormat, Tile
from plexcut.domain.ports import ShouldCancel
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bif import parse_bif
from plexcut.media.filmstrip.choose import Choice, choose
from plexcut.media.filmstrip.previews import serves, strip_of
from plexcut.media.filmstrip.scaling import tile_size
from plexcut.media.filmstrip.sprite import Grid, compose, make_grid
from plexcut.media.filmstrip.store import PictureStore
from plexcut.media.filmstrip.thumbs import Recording, Thumbnails
from plexcut.media.index.model import INDEX_VERSION
from plexcut.media.pictures import encode_picture

log = logging.getLogger(__name__)

_VERSION = 1
_LOOK_EVERY_S = 0.05
_HEAD = struct.Struct("<I")


class Filmstrips:
    """Makes filmstrips; each is made once, however many ask for it at the same time. Safe for several threads.

    `folder`: where pictures are kept (None: in memory alone).
    """

    def __init__(self, folder: Path | None) -> None:
        self._store = PictureStore(folder)
        self._thumbnails = Thumbnails(self._store)
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Filmstrip]] = {}

    def get(
        self, recording: Recording, order: FilmstripOrder, fmt: PictureFormat, should_cancel: ShouldCancel
    ) -> Filmstrip:
        """The filmstrip of an order.

        Raises:
            UsageError, SpanInvalid: the order is not possible.
            FormatUnsupported: no picture of the range can be decoded. FileUnreadable, Cancelled.
        """
        choice = choose(recording.index, order)
        video = recording.index.video
        size = tile_size(video.width, video.height, video.sample_aspect, order.height)
        grid = make_grid(len(choice.frames), size)
        asked = f"{choice.start_us}-{choice.end_us}/{order.count}/{order.step}"
        name = f"strip/{_VERSION}.{INDEX_VERSION}/{recording.identity}/{asked}/{size[0]}x{size[1]}.{fmt}"

        def make() -> Filmstrip:
            found = _unpacked(self._store.get(name))
            if found is None:
                found = self._make(recording, choice, grid, fmt, should_cancel)
                self._store.put(name, _packed(found))
            return found

        return self._once(name, make, should_cancel)

    def of_previews(
        self, bif: bytes, order: FilmstripOrder, fmt: PictureFormat, should_cancel: ShouldCancel
    ) -> Filmstrip | None:
        """The provisional filmstrip of an order; None where the previews cannot serve it.

        Raises:
            UsageError, SpanInvalid: the order is not possible. Cancelled.
        """
        if not serves(order):
            return None
        try:
            return strip_of(parse_bif(bif), order, fmt, should_cancel)
        except FormatUnsupported as error:
            log.info("the library's previews are of no use: %s", error.message)
            return None

    def _make(
        self, recording: Recording, choice: Choice, grid: Grid, fmt: PictureFormat, should_cancel: ShouldCancel
    ) -> Filmstrip:
        pictures = self._thumbnails.get(recording, choice.frames, grid.size, should_cancel)
        if not pictures:
            raise FormatUnsupported("no picture of this range can be decoded", "look at another place")
        # Where a frame is damaged, the nearest one that has a picture is shown, and named.
        shown = [
            number if number in pictures else min(pictures, key=lambda other: (abs(other - number), other))
            for number in choice.frames
        ]
        image = encode_picture(compose(grid, [pictures[number] for number in shown]), Fraction(1), None, fmt)
        times = recording.index.times_us
        return Filmstrip(
            tiles=tuple(
                Tile(number, int(times[number]), *grid.place(at), *grid.size) for at, number in enumerate(shown)
            ),
            start_us=choice.start_us,
            end_us=choice.end_us,
            step=choice.step,
            width=grid.width,
            height=grid.height,
            data=image.data,
            media_type=image.media_type,
        )

    def _once(self, name: str, make: Callable[[], Filmstrip], should_cancel: ShouldCancel) -> Filmstrip:
        """`make()`, or what another thread gets that makes the same now; if that one is given up, it is made here."""
        mine: Future[Filmstrip] = Future()
        while True:
            with self._lock:
                future = self._under_way.setdefault(name, mine)
            if future is mine:
                break
            try:
                return future.result(_LOOK_EVERY_S)
            except TimeoutError:
                if should_cancel():
                    raise Cancelled("the request was given up") from None
            except Cancelled:
                continue
        try:
            made = make()
        except BaseException as error:
            mine.set_exception(error if isinstance(error, Exception) else Cancelled("the request was given up"))
            raise
        else:
            mine.set_result(made)
            return made
        finally:
            with self._lock:
                self._under_way.pop(name, None)


def _packed(strip: Filmstrip) -> bytes:
    head = {
        "tiles": [[t.frame, t.time_us, t.x, t.y, t.w, t.h] for t in strip.tiles],
        "range": [strip.start_us, strip.end_us, strip.step, strip.width, strip.height],
        "media_type": strip.media_type,
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    return _HEAD.pack(len(text)) + text + strip.data


def _unpacked(stored: bytes | None) -> Filmstrip | None:
    """A strip as it was kept; it was checked by its digest, so that only another version could not be read."""
    if stored is None:
        return None
    size = _HEAD.unpack_from(stored)[0]
    head: dict[str, Any] = json.loads(stored[_HEAD.size : _HEAD.size + size])
    start_us, end_us, step, width, height = head["range"]
    return Filmstrip(
        tiles=tuple(Tile(*tile) for tile in head["tiles"]),
        start_us=start_us,
        end_us=end_us,
        step=step,
        width=width,
        height=height,
        data=stored[_HEAD.size + size :],
        media_type=head["media_type"],
    )
