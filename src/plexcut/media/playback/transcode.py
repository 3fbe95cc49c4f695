"""Pictures of any codec, coded anew for a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from plexcut.domain.media import Source
from plexcut.errors import FormatUnsupported
from plexcut.media.decoding import decode_rows
from plexcut.media.index.model import MediaIndex
from plexcut.media.playback.boxes import Sample
from plexcut.media.playback.decode import PictureRun, output_shape
from plexcut.media.playback.encode import QUALITIES, Coding, encode
from plexcut.media.playback.layout import Stretch, Timeline, cut_by_time
from plexcut.media.units import open_units
from plexcut.media.viewing.tone import kind_of

_UNSPECIFIED = 2
_BT709, _BT601_PRIMARIES, _BT601 = 1, 5, 6
_HD_LINES = 720
_TRIED_ROWS = 100


def coding_of(source: Source, index: MediaIndex) -> Coding:
    """How a recording's pictures are coded, by what its first picture says.

    Raises:
        FormatUnsupported: it has no picture. FileUnreadable.
    """
    first = index.key_before(int(index.display[0]))
    with open_units(source, index) as reader:
        rows = range(first, min(first + _TRIED_ROWS, index.pts.size))
        frame = next((frame for _, frame in decode_rows(reader, index, rows)), None)
    if frame is None:
        raise FormatUnsupported("this recording holds no picture that can be decoded")
    if kind_of(frame) is not None:
        return Coding(output_shape(index), index.fps, *(_BT709,) * 3)
    high = index.video.height >= _HD_LINES
    told = (int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc))
    usual = (_BT709,) * 3 if high else (_BT601, _BT601_PRIMARIES, _BT601)
    known = [usual[i] if value in (0, _UNSPECIFIED) else value for i, value in enumerate(told)]
    return Coding(output_shape(index), index.fps, *known)


class Transcoded:
    """The pictures of a result, decoded and coded anew, fragment by fragment."""

    def __init__(self, source: Source, timeline: Timeline, coding: Coding) -> None:
        self._source = source
        self._timeline = timeline
        self._coding = coding
        self.entry = self._coding.entry()
        self.stretches = cut_by_time(timeline)
        self.qualities: Sequence[int] = QUALITIES

    def decode_start(self, stretch: Stretch) -> int:
        """Decode time of a stretch's first picture: every one is shown when it is decoded."""
        return stretch.start

    def budget(self, stretch: Stretch) -> int:
        """Bytes that the pictures of a stretch may take."""
        ticks = stretch.until - stretch.start
        return self._coding.budget(Fraction(ticks, self._timeline.timescale), len(stretch))

    def run(self) -> TranscodedRun:
        """For a reader that goes through the file."""
        return TranscodedRun(self._source, self._timeline, self._coding)


class TranscodedRun:
    """Makes the pictures of fragments, best of one after the other. Close it."""

    def __init__(self, source: Source, timeline: Timeline, coding: Coding) -> None:
        self._source = source
        self._timeline = timeline
        self._coding = coding
        self._pictures: PictureRun | None = None

    def close(self) -> None:
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None

    def samples(self, stretch: Stretch, quality: int, should_cancel: Callable[[], bool]) -> list[Sample]:
        """The pictures of a stretch at one of the `qualities`.

        Raises:
            FormatUnsupported, FileUnreadable, Cancelled.
        """
        line = self._timeline
        try:
            frames = self._run_at(stretch).take(len(stretch), should_cancel)
            coded = encode(frames, self._coding, quality, should_cancel)
        except BaseException:
            self.close()
            raise
        times = [line.time_of(stretch.span, frame) for frame in range(stretch.first, stretch.end + 1)]
        first = Sample(coded[0], times[1] - times[0])
        return [
            replace(first, data=data, duration=times[i + 1] - times[i], sync=i == 0) for i, data in enumerate(coded)
        ]

    def _run_at(self, stretch: Stretch) -> PictureRun:
        """Pictures from the stretch's first on.

        Where they depend on where decoding began they always begin there, so that the same come out every time.
        """
        index = self._timeline.index
        run = self._pictures
        certain = not index.uncertain or index.uncertain.isdisjoint(range(stretch.first, stretch.end))
        if run is not None and run.next == stretch.first and stretch.end <= run.until and certain:
            return run
        self.close()
        self._pictures = PictureRun(self._source, index, stretch.first, self._timeline.keep.spans[stretch.span].end)
        return self._pictures
