"""Reading the coded bytes of frames from a file, by the rows of its index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

import av
import numpy as np

from plexcut.domain.media import Source
from plexcut.errors import FileUnreadable, FormatUnsupported, PlexcutError
from plexcut.media.index.container import open_container
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import PacketReader, PayloadReader, find_layout
from plexcut.media.sources import open_source

Unit = tuple[bytes, ...]
"""The coded bytes of one frame: what a decoder is fed, in one piece or (frames that are never shown) in several."""

_ROWS_AT_ONCE = 32
_FIRST_ROWS = 8
"""What is read of a transport stream first; twice as much each time until `_ROWS_AT_ONCE`."""


class UnitReader(Protocol):
    """Reads frames in decode order. Close it, or use it with `with`; not for several threads at once."""

    def read(self, first: int, last: int) -> Iterator[Unit]:
        """Rows `[first, last)`, one `Unit` each. Raises `FileUnreadable`."""

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_units(path: Source, index: MediaIndex) -> UnitReader:
    """A reader for the recording that `index` describes.

    Raises:
        FileUnreadable: as `open_source`.
    """
    return TransportUnits(path, index) if index.container == "mpegts" else ContainerUnits(path, index)


class _Closing:
    def close(self) -> None:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TransportUnits(_Closing):
    """Frames of a transport stream, put together from its packets without a demuxer."""

    def __init__(self, path: Source, index: MediaIndex) -> None:
        self._index = index
        self._file = open_source(path)
        layout = find_layout(self._file.read(1 << 18))
        if layout is None:
            self._file.close()
            raise FormatUnsupported(f"{path.name} is no transport stream any more", "open it again")
        self._reader = PacketReader(self._file, layout, index.size_bytes)

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        self._file.close()

    def read(self, first: int, last: int) -> Iterator[Unit]:
        rows = _FIRST_ROWS
        while first < last:
            yield from self._stretch(first, min(first + rows, last))
            first += rows
            rows = min(2 * rows, _ROWS_AT_ONCE)

    def _stretch(self, first: int, last: int) -> Iterator[Unit]:
        index = self._index
        end = int(index.at[last]) + 1 if last < index.at.size else None
        payload = PayloadReader()
        pieces = []
        try:
            for block in self._reader.blocks(int(index.at[first]), end):
                mine = block.where(block.pid == index.video.id)
                if len(mine):
                    pieces.append(payload.take(mine).es)
        except PlexcutError:
            raise
        except OSError as error:
            raise FileUnreadable(f"the recording cannot be read: {error.strerror or error}") from None
        es = np.concatenate(pieces) if pieces else np.empty(0, np.uint8)
        at = int(index.skip[first])
        for row in range(first, last):
            size = int(index.size[row])
            yield (es[at : at + size].tobytes(),)
            at += size


class ContainerUnits(_Closing):
    """Frames of an MP4, MKV, ... file, through FFmpeg's demuxer; a seek is never believed but checked."""

    def __init__(self, path: Source, index: MediaIndex) -> None:
        self._path = path
        self._index = index
        self._stack = ExitStack()
        self._open()
        # Not by decode time: where a file keeps none (Matroska), FFmpeg's guess depends on where reading began. And
        # by timestamp only where the place does not tell: of two frames at one time the index has moved the second.
        self._by_place = bool((index.at >= 0).all()) and np.unique(index.at).size == index.at.size
        keys = zip(np.zeros_like(index.pts) if self._by_place else index.pts, index.at, strict=True)
        self._by_key = {(int(pts), int(at)): row for row, (pts, at) in enumerate(keys)}
        self._joined = index.video.codec in ("h264", "hevc", "mpeg2video", "mpeg1video")

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        self._stack.close()

    def _open(self) -> None:
        self._stack.close()
        self._container = self._stack.enter_context(open_container(self._path))
        if self._index.video.id >= len(self._container.streams):
            self._stack.close()
            raise FileUnreadable(f"{self._path.name} is not what it was", "open it again")
        self._stream = self._container.streams[self._index.video.id]

    def read(self, first: int, last: int) -> Iterator[Unit]:
        collected: list[bytes] = []
        row = first - 1
        for found, data in self._packets_from(first):
            if found is not None:
                if collected:
                    yield self._unit(collected)
                    collected = []
                row += 1
                if row >= last:
                    return
                if found != row:
                    raise FileUnreadable("the recording does not hold together", "it may have changed; open it again")
            if row >= first:
                collected.append(data)
        if collected:
            yield self._unit(collected)

    def _unit(self, collected: list[bytes]) -> Unit:
        return (b"".join(collected),) if self._joined else tuple(collected)

    def _packets_from(self, first: int) -> Iterator[tuple[int | None, bytes]]:
        """Packets from row `first` on, with their rows; None for a second field or a frame that is never shown."""
        last: int | None = None
        try:
            for packet, row in self._found(first):
                last = last if row is None else row
                yield row, bytes(packet)
        except (av.FFmpegError, EOFError) as error:
            if last == self._index.pts.size - 1:
                # Behind the last frame of a file that was cut off.
                return
            raise FileUnreadable(f"the recording cannot be read: {error}") from None

    def _found(self, first: int) -> Iterator[tuple[av.Packet[Any], int | None]]:
        index = self._index
        for back in (0, 2, 10, 60, None):
            packets = self._demux_near(first, back)
            for packet in packets:
                row = self._row(packet)
                if row is None:
                    continue
                if row > first:
                    break
                if row == first:
                    yield packet, row
                    for following in packets:
                        yield following, self._row(following)
                    return
        raise FileUnreadable(
            f"frame {int(index.number_of[first])} is not where it was", "the recording may have changed; open it again"
        )

    def _demux_near(self, row: int, back_s: int | None) -> Iterator[av.Packet[Any]]:
        """Packets from about `back_s` seconds before a row on; None: from the beginning of the file."""
        index = self._index
        target = int(min(index.pts[row], index.dts[row]))
        if back_s is not None:
            try:
                self._container.seek(target - round(back_s / index.time_base), stream=self._stream, backward=True)
            except av.FFmpegError:
                # A file that was cut off has lost the table that seeking needs.
                back_s = None
        if back_s is None:
            self._open()
        for packet in self._container.demux(self._stream):
            if packet.size:
                yield packet

    def _row(self, packet: av.Packet[Any]) -> int | None:
        pts = 0 if self._by_place else packet.dts if packet.pts is None else packet.pts
        if pts is None:
            return None
        return self._by_key.get((pts, packet.pos if packet.pos is not None else -1))
