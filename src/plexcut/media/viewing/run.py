"""A decode under way: it stands behind the last picture that was asked for, and goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
from av.video.frame import VideoFrame

from plexcut.domain.ports import ShouldCancel
from plexcut.errors import Cancelled
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.decoding import Threads, decode_packet, is_droppable, make_decoder, packets_of, top_sub_layer
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import Unit, UnitReader


@dataclass(frozen=True, slots=True)
class Want:
    """What a run is to come to.

    `row`: the picture. `floor`: from this frame number on no picture is left out, and `others` are not left out either.
    `patience`: how many pictures behind `row` may be fed before the decoder is made to give out all that it holds,
    after which it cannot go on; where it is not asked to go on (`goes_on`), none that others refer to: those are dear.
    """

    row: int
    floor: int
    others: frozenset[int]
    patience: int
    goes_on: bool


class Run:
    """A decoder and a reader of one recording, for one thread at a time. `start` is the row at which decoding began."""

    def __init__(self, reader: UnitReader, index: MediaIndex, threads: Threads) -> None:
        self.reader = reader
        self.threads = threads
        self.start = self.next_row = 0
        self.ended = True
        self._index = index
        self._context = make_decoder(index.video.codec, index.video.extradata, threads)
        self._used = False
        self._owns_reader = True
        self._inside: set[int] = set()
        self._units: Iterator[Unit] = iter(())
        self._top: int | None = None

    def begin(self, start: int) -> None:
        """Begin anew at a row that decoding can start at."""
        if self._used:
            self._context.flush_buffers()
        self.start = self.next_row = start
        self.ended = False
        self._inside.clear()
        self._units = self.reader.read(start, self._index.pts.size)

    def can_give(self, row: int) -> bool:
        """Whether the picture of `row` is still to come out."""
        return not self.ended and (row >= self.next_row or row in self._inside)

    def go_to(
        self, want: Want, should_cancel: ShouldCancel, on_picture: Callable[[int, VideoFrame], None]
    ) -> VideoFrame | None:
        """Decode up to a picture, giving every whole one on the way to `on_picture`; None where it does not come out.

        Raises:
            Cancelled: nobody waits for it; the run stands where it stands and can go on.
            FileUnreadable: as `UnitReader.read`; the run is of no more use.
        """
        found: VideoFrame | None = None
        behind = sum(1 for row in self._inside if row > want.row)
        while found is None and not self.ended:
            if should_cancel():
                raise Cancelled("the request was given up")
            unit = next(self._units, None) if self._may_feed(want, behind) else None
            frames: Iterator[tuple[int, VideoFrame]]
            if unit is None:
                frames = self._drain()
            else:
                if self._top is None:
                    self._top = top_sub_layer(unit, self._index.video)
                row = self.next_row
                self.next_row += 1
                if self._is_left_out(row, self._top, want):
                    continue
                frames = self._feed(row, unit)
                behind += row > want.row
            for row, frame in frames:
                if row == want.row:
                    found = frame
                if self._is_whole(row):
                    on_picture(row, frame)
        return found

    def hand_over(self) -> UnitReader:
        """The reader, for another run; this one is of no more use."""
        self.ended = True
        self._owns_reader = False
        return self.reader

    def close(self) -> None:
        """Close the file."""
        self.ended = True
        if self._owns_reader:
            self.reader.close()

    def __del__(self) -> None:
        self.close()

    def _may_feed(self, want: Want, behind: int) -> bool:
        row = self.next_row
        if row <= want.row or row >= self._index.pts.size:
            return True
        return behind < want.patience and (want.goes_on or not self._index.flags[row] & PictureFlag.REF)

    def _is_left_out(self, row: int, top: int, want: Want) -> bool:
        if row == want.row or row in want.others or self._index.number_of[row] >= want.floor:
            return False
        return is_droppable(self._index, row, top)

    def _is_whole(self, row: int) -> bool:
        return bool(self._index.number_of[row] >= 0) and self._index.key_before(row) >= self.start

    def _feed(self, row: int, unit: Unit) -> Iterator[tuple[int, VideoFrame]]:
        self._used = True
        self._inside.add(row)
        for packet in packets_of(row, unit):
            yield from self._out(packet)

    def _drain(self) -> Iterator[tuple[int, VideoFrame]]:
        self._used = True
        self.ended = True
        yield from self._out(None)

    def _out(self, packet: av.Packet | None) -> Iterator[tuple[int, VideoFrame]]:  # type: ignore[type-arg]
        for row, frame in decode_packet(self._context, packet):
            self._inside.discard(row)
            yield row, frame
