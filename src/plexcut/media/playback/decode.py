"""The pictures of a stretch of a recording as a browser is to see them: whole frames, one for each, small, 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import PictureType, VideoFrame

from plexcut.domain.media import Source
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.decoding import decode_units, make_decoder
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import Unit, open_units
from plexcut.media.viewing.tone import cube, kind_of

MAX_WIDTH_PX, MAX_LINES = 1280, 720

_DECODER_THREADS = 2
_INTERLACEABLE = ("h264", "mpeg2video", "mpeg1video", "vc1", "mpeg4", "dvvideo")
_SKIPPABLE = ("h264", "mpeg2video", "mpeg1video")
_WAITING = 8
"""So many pictures that are shown later may come out before one is given up as lost."""
_OUT_OF_ORDER = 64
"""How far apart in decode order pictures may lie that are shown one after the other."""
_CLOCK = Fraction(1, 1000)
_FULL_RANGE = 2


@dataclass(frozen=True, slots=True)
class OutputShape:
    """Size of the pictures in samples, and a sample's shape."""

    width: int
    height: int
    sample_aspect: Fraction


def output_shape(index: MediaIndex) -> OutputShape:
    """At most `MAX_WIDTH_PX` x `MAX_LINES`, even, in the source's proportions."""
    video = index.video
    aspect = video.sample_aspect if Fraction(1, 8) < video.sample_aspect < 8 else Fraction(1)
    scale = min(Fraction(1), Fraction(MAX_WIDTH_PX, video.width), Fraction(MAX_LINES, video.height))
    width = max(16, round(video.width * scale / 2) * 2)
    height = max(16, round(video.height * scale / 2) * 2)
    shape = Fraction(video.width, video.height) * aspect
    return OutputShape(width, height, (shape * height / width).limit_denominator(1000))


class PictureRun:
    """Pictures of one frame after the other from `first` on, each as it is whatever came before. Close it.

    `until`: no frame from there on is asked for. Of a frame without a picture the one before is shown again.
    """

    def __init__(self, source: Source, index: MediaIndex, first: int, until: int) -> None:
        self._index = index
        self.next = first
        self.until = until
        self._stop: Callable[[], bool] = lambda: False
        self._reader = open_units(source, index)
        self._look = _Look(output_shape(index))
        self._interlaced = index.video.interlaced or index.video.codec in _INTERLACEABLE
        # A field is made of its neighbours': those of the frames before and behind.
        around = 1 if self._interlaced else 0
        self._first, self._last = max(0, first - around), min(index.frames, until + around)
        self._pictures = self._filtered()

    def close(self) -> None:
        self._pictures.close()
        self._reader.close()

    def take(self, count: int, should_cancel: Callable[[], bool]) -> Iterator[VideoFrame]:
        """The next `count` pictures.

        Raises:
            FormatUnsupported: there is none at all. Cancelled. FileUnreadable.
        """
        self._stop = should_cancel
        for _ in range(count):
            found = next(self._pictures, None)
            if found is None:
                raise FormatUnsupported(f"from frame {self.next} on there are no pictures", "play another part")
            self.next += 1
            yield found

    def _filtered(self) -> Generator[VideoFrame, None, None]:
        expected = self.next
        last: VideoFrame | None = None
        for number, frame in self._look.through(self._ordered(), deinterlace=self._interlaced):
            if number < self.next:
                continue
            last = frame
            yield frame
            expected = number + 1
        while last is not None and expected < self.until:
            yield last
            expected += 1

    def _ordered(self) -> Iterator[tuple[int, VideoFrame]]:
        """Each frame from `_first` on in turn."""
        waiting: dict[int, VideoFrame] = {}
        shown: VideoFrame | None = None
        expected = self._first
        for number, frame in self._decoded():
            if number < expected:
                # Before the beginning: stands in for a first frame that is lost.
                shown = frame if shown is None or number < self._first else shown
                continue
            waiting[number] = frame
            while expected in waiting or len(waiting) > _WAITING:
                shown = waiting.pop(expected, None) or shown or waiting[min(waiting)]
                yield expected, shown
                expected += 1
        while waiting or (shown is not None and expected < self._last):
            shown = waiting.pop(expected, None) or shown or waiting[min(waiting)]
            yield expected, shown
            expected += 1

    def _decoded(self) -> Iterator[tuple[int, VideoFrame]]:
        index = self._index
        near = range(self._first, min(self._first + _WAITING, self._last))
        start = min(index.key_before(int(index.display[n])) for n in near)
        end = int(index.display[max(self._first, self._last - _OUT_OF_ORDER) : self._last].max()) + 1
        whole = index.uncertain.isdisjoint(range(max(0, self._first - 300), self._first))
        context = make_decoder(index.video.codec, index.video.extradata)
        context.thread_count = _DECODER_THREADS if not index.uncertain else 1
        context.thread_type = "FRAME"
        skips = index.video.codec in _SKIPPABLE and whole

        def fed() -> Iterator[tuple[int, Unit]]:
            for row, unit in enumerate(self._reader.read(start, end), start):
                if self._stop():
                    raise Cancelled("nobody waits for these pictures any more")
                number = int(index.number_of[row])
                if skips and number < self._first and not index.flags[row] & PictureFlag.REF:
                    continue
                yield row, unit

        try:
            for row, frame in decode_units(context, fed()):
                number = int(index.number_of[row])
                if number >= 0:
                    yield number, frame
        finally:
            # PyAV frees a decoder with Python's lock held, and its threads take that lock to let go of a packet: while
            # they are at work both would wait for ever. This waits for them without the lock.
            context.flush_buffers()


class _Look:
    """Deinterlacing, scaling, colours and 8-bit 4:2:0, by FFmpeg's filters; set up anew where pictures change."""

    def __init__(self, shape: OutputShape) -> None:
        self._shape = shape
        self._kind: tuple[int, int, str, int, str | None] | None = None
        self._source: FilterContext
        self._sink: FilterContext

    def through(
        self, frames: Iterator[tuple[int, VideoFrame]], *, deinterlace: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Numbered frames, filtered; as many as go in."""
        for number, frame in frames:
            kind = (frame.width, frame.height, frame.format.name, int(frame.color_range), kind_of(frame))
            if kind != self._kind:
                if self._kind is not None:
                    self._source.push(None)
                    yield from self._pull()
                self._configure(frame, deinterlace)
                self._kind = kind
            frame.pts, frame.time_base = number, _CLOCK
            self._source.push(frame)
            yield from self._pull()
        if self._kind is not None:
            self._source.push(None)
            yield from self._pull()

    def _pull(self) -> Iterator[tuple[int, VideoFrame]]:
        while True:
            try:
                frame = self._sink.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(frame, VideoFrame)
            assert frame.pts is not None
            assert frame.time_base is not None
            number = round(frame.pts * frame.time_base / _CLOCK)
            frame.pict_type = PictureType.NONE
            yield number, frame

    def _configure(self, frame: VideoFrame, deinterlace: bool) -> None:
        graph = Graph()
        graph.threads = 1
        at = self._source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=_CLOCK
        )
        with TemporaryDirectory(prefix="plexcut-") as folder:
            try:
                for name, options in self._steps(frame, deinterlace, Path(folder)):
                    step = graph.add(name, options or None)
                    at.link_to(step)
                    at = step
                graph.configure()
            except av.FFmpegError as error:
                raise FormatUnsupported(f"pictures of this kind cannot be played: {error}") from error
        self._graph, self._sink = graph, at

    def _steps(self, frame: VideoFrame, deinterlace: bool, folder: Path) -> Iterator[tuple[str, str]]:
        """The filters, with their options; files that they read are put into `folder`."""
        full = int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")
        size = f"w={self._shape.width}:h={self._shape.height}:flags=bilinear:in_range={'pc' if full else 'tv'}"
        if deinterlace:
            yield "bwdif", "mode=send_frame:deint=interlaced"
        colours = kind_of(frame)
        if colours is not None:
            table = folder / "colours.cube"
            table.write_text(cube(colours), encoding="ascii")
            yield "scale", f"{size}:in_color_matrix=bt2020"
            yield "format", "pix_fmts=gbrp16le"
            yield "lut3d", f"file={table}:interp=tetrahedral"
            yield "scale", "flags=bilinear:out_color_matrix=bt709:out_range=tv"
        elif full or (frame.width, frame.height) != (self._shape.width, self._shape.height):
            yield "scale", f"{size}:out_range=tv"
        yield "format", "pix_fmts=yuv420p"
        yield "buffersink", ""
