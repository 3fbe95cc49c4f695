"""Subtitles of MP4 and MKV files, one by one: cut at the seams, so that none is lost, shown twice, or left standing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from plexcut.media.cutting.schedule import SpanTimes

_PCS, _WDS, _END = 0x16, 0x17, 0x80
_EPOCH_START = 0x80
_PCS_BYTES = 11
_STATE_AT, _OBJECTS_AT = 7, 10
_EMPTY_TEXT_BYTES = 2


@dataclass(frozen=True, slots=True)
class Caption:
    """A subtitle packet, times in ticks of the video's time base; `length` 0 where it is shown until the next one."""

    time: Fraction
    length: Fraction
    data: bytes


class CaptionCutter:
    """Subtitles that say how long they are shown (SRT, WebVTT, VobSub, ...): each is shown as long as it is kept.

    `begin` each span, `take` what comes in order, from before the span on, and `end` it.
    """

    def begin(self, span: SpanTimes) -> None:
        """Another span."""
        self._span = span

    def take(self, caption: Caption) -> Iterator[Caption]:
        """What of a subtitle of the source goes into the result, and when."""
        span = self._span
        start = max(caption.time, Fraction(span.start))
        end = min(caption.time + caption.length, Fraction(span.end))
        if start < end:
            yield Caption(start + span.shift, end - start, self.rewritten(caption.data))
        elif not caption.length and span.start <= caption.time < span.end:
            yield Caption(caption.time + span.shift, Fraction(0), self.rewritten(caption.data))

    def end(self) -> Iterator[Caption]:
        """What closes the span."""
        return iter(())

    def rewritten(self, data: bytes) -> bytes:
        """The subtitle as the result has it."""
        return data


class AssCutter(CaptionCutter):
    """ASS events, numbered anew: players take a second one with the same number for one that they have."""

    def __init__(self) -> None:
        self._number = 0

    def rewritten(self, data: bytes) -> bytes:
        number, comma, rest = data.partition(b",")
        if not comma or not number.strip().isdigit():
            return data
        self._number += 1
        return b"%d,%s" % (self._number - 1, rest)


class MovTextCutter(CaptionCutter):
    """Text of MP4 (3GPP timed text); the empty ones between are made by who writes the file. `plain`: as SRT."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain

    def take(self, caption: Caption) -> Iterator[Caption]:
        if len(caption.data) > _EMPTY_TEXT_BYTES:
            yield from super().take(caption)

    def rewritten(self, data: bytes) -> bytes:
        if not self._plain:
            return data
        size = int.from_bytes(data[:2], "big")
        return data[2 : 2 + size]


class PgsCutter(CaptionCutter):
    """PGS (Blu-ray) bitmaps: one stays on the screen until another display set replaces or clears it.

    What is on the screen where a span begins is put on it there; where it ends the screen is cleared.
    """

    def __init__(self) -> None:
        self._epoch: list[bytes] = []
        self._shown = False
        self._opened = False

    def begin(self, span: SpanTimes) -> None:
        super().begin(span)
        self._epoch, self._shown, self._opened = [], False, False

    def take(self, caption: Caption) -> Iterator[Caption]:
        span = self._span
        if caption.time >= span.end:
            return
        if caption.time > span.start:
            yield from self._open()
        composition = _composition(caption.data)
        if composition is not None:
            if composition[_STATE_AT] == _EPOCH_START:
                self._epoch = []
            self._epoch.append(caption.data)
            self._shown = composition[_OBJECTS_AT] > 0
        if caption.time > span.start:
            yield Caption(caption.time + span.shift, Fraction(0), caption.data)

    def end(self) -> Iterator[Caption]:
        yield from self._open()
        if self._shown and (cleared := _cleared(self._epoch)):
            yield Caption(Fraction(self._span.base_end), Fraction(0), cleared)
        self._shown = False

    def _open(self) -> Iterator[Caption]:
        """Once for each span: what is on the screen when it begins."""
        if not self._opened and self._shown:
            # Of the newest display set all pictures may lie in older ones of its epoch: these come right before it.
            for at, data in enumerate(self._epoch):
                yield Caption(Fraction(self._span.base + at), Fraction(0), data)
        self._opened = True


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a PGS display set: `(type, payload)`; stops at damage."""
    at = 0
    while at + 3 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 3], "big")
        if at + 3 + size > len(data):
            return
        yield data[at], data[at + 3 : at + 3 + size]
        at += 3 + size


def _composition(data: bytes) -> bytes | None:
    """The presentation composition of a display set; None where it is damaged."""
    return next((body for kind, body in segments(data) if kind == _PCS and len(body) >= _PCS_BYTES), None)


def _cleared(epoch: list[bytes]) -> bytes | None:
    """A display set that takes everything off the screen."""
    composition = _composition(epoch[-1]) if epoch else None
    if composition is None:
        return None
    number = int.from_bytes(composition[5:7], "big") + 1 & 0xFFFF
    body = composition[:5] + struct.pack(">HBBBB", number, 0, 0, composition[9], 0)
    windows = [body for data in epoch for kind, body in segments(data) if kind == _WDS]
    parts = [(_PCS, body), *((_WDS, window) for window in windows[-1:]), (_END, b"")]
    return b"".join(bytes([kind]) + len(part).to_bytes(2, "big") + part for kind, part in parts)


def caption_cutter(codec: str, *, plain: bool = False) -> CaptionCutter:
    """The cutter for subtitles of this codec (FFmpeg's name); `plain`: MP4's text is to become SRT."""
    if codec == "hdmv_pgs_subtitle":
        return PgsCutter()
    if codec == "mov_text":
        return MovTextCutter(plain=plain)
    return AssCutter() if codec in ("ass", "ssa") else CaptionCutter()
