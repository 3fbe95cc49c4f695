"""What MP4 and MKV results are put together from: audio frames without their wrapping, subtitles cut at seams."""

from __future__ import annotations

from fractions import Fraction

from plexcut.media.bitstream.bare_aac import LatmReader, from_adts
from plexcut.media.cutting.captions import Caption, caption_cutter
from plexcut.media.cutting.schedule import SpanTimes

_KINDS = ("hdmv_pgs_subtitle", "ass", "mov_text", "subrip")
_SPANS = (SpanTimes(10, 60, 0), SpanTimes(90, 200, 50))


def bare(data: bytes) -> None:
    """A frame comes out of its wrapping whole, or not at all: never more than went in."""
    reader = LatmReader()
    for frame in (data, data[3:], data):
        found = reader.read(frame)
        assert found is None or len(found.data) <= len(frame)
    bare_frame = from_adts(data)
    assert bare_frame is None or data.endswith(bare_frame.data)


def captions(data: bytes) -> None:
    """Subtitles of any content keep to the spans, and come out in order."""
    cutter = caption_cutter(_KINDS[data[0] % len(_KINDS)] if data else "subrip")
    size = max(1, len(data) // 5)
    for span in _SPANS:
        cutter.begin(span)
        found: list[Caption] = []
        for number in range(6):
            piece = data[1 + number * size : 1 + (number + 1) * size]
            found += cutter.take(Caption(Fraction(40 * number), Fraction(30 * (number % 3)), piece))
        found += cutter.end()
        assert all(span.base <= c.time and c.time + c.length <= span.base_end + len(found) for c in found)
