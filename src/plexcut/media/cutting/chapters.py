"""Chapters of a result: the source's as far as they are kept, and one for each kept span on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from plexcut.media.cutting.schedule import SpanTimes

_LEAST_S = Fraction(1, 10)
"""What is left of a chapter that is shorter than this is none."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """From `start` to before `end`, in ticks of some time base, with what the file says of it (its title)."""

    start: Fraction
    end: Fraction
    metadata: tuple[tuple[str, str], ...] = ()


def cut_chapters(
    chapters: Sequence[Chapter], spans: Sequence[SpanTimes], time_base: Fraction, *, at_seams: bool
) -> list[Chapter]:
    """Chapters on the result's time line; times in ticks of `time_base`.

    One of the source of which several pieces are kept goes on over the seams, unless `at_seams`: then every kept span
    begins a chapter of its own. What has no title in the source is called after its number.
    """
    kept: list[Chapter] = []
    for span in spans:
        pieces = [_piece(chapter, span) for chapter in chapters]
        least = min(_LEAST_S, Fraction(span.end - span.start) * time_base)
        pieces = [p for p in pieces if (p.end - p.start) * time_base >= least]
        if at_seams:
            pieces = _from_the_start(pieces, span)
        for piece in pieces:
            last = kept[-1] if kept else None
            if not at_seams and last is not None and last.end == piece.start and last.metadata == piece.metadata:
                kept[-1] = Chapter(last.start, piece.end, last.metadata)
            else:
                kept.append(piece)
    if not at_seams:
        return kept
    return [
        Chapter(c.start, c.end, c.metadata or (("title", f"Chapter {number}"),)) for number, c in enumerate(kept, 1)
    ]


def _piece(chapter: Chapter, span: SpanTimes) -> Chapter:
    """What of a chapter lies in a span, moved; of negative length where nothing does."""
    start, end = max(chapter.start, Fraction(span.start)), min(chapter.end, Fraction(span.end))
    return Chapter(start + span.shift, end + span.shift, chapter.metadata)


def _from_the_start(pieces: list[Chapter], span: SpanTimes) -> list[Chapter]:
    """A chapter where the span begins, even if the source has none there."""
    if pieces and pieces[0].start == span.base:
        return pieces
    first = Chapter(Fraction(span.base), pieces[0].start if pieces else Fraction(span.base_end))
    return [first, *pieces]


def read_chapters(found: Sequence[Any], time_base: Fraction) -> list[Chapter]:
    """PyAV's chapters of a file, in order; those without times are left out."""
    chapters = [
        Chapter(
            c["start"] * c["time_base"] / time_base,
            c["end"] * c["time_base"] / time_base,
            tuple(sorted(c.get("metadata", {}).items())),
        )
        for c in found
        if c["time_base"]
    ]
    return sorted(chapters, key=lambda chapter: chapter.start)


def written_chapters(chapters: Sequence[Chapter], time_base: Fraction) -> list[dict[str, Any]]:
    """The same for PyAV to write."""
    return [
        {
            "id": number,
            "start": round(chapter.start),
            "end": round(chapter.end),
            "time_base": time_base,
            "metadata": dict(chapter.metadata),
        }
        for number, chapter in enumerate(chapters, 1)
    ]
