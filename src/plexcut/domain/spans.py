"""Spans of frames, and lists of them. Everything here is half-open: `[start, end)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from plexcut.errors import SpanInvalid


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Frames `start <= n < end`; never empty, never negative."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start < 0:
            raise SpanInvalid(f"a span cannot start at frame {self.start}")
        if self.end <= self.start:
            raise SpanInvalid(f"the span {self.start}-{self.end} is empty or reversed")

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.end


@dataclass(frozen=True, slots=True)
class KeepList:
    """Spans in order that neither overlap nor touch. Build one with `KeepList.of`."""

    spans: tuple[Span, ...]

    @classmethod
    def of(cls, spans: Iterable[Span]) -> KeepList:
        """The union of `spans`, in any order: overlapping and touching ones are joined, none is ever shortened."""
        joined: list[Span] = []
        for span in sorted(spans):
            if joined and span.start <= joined[-1].end:
                joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
            else:
                joined.append(span)
        return cls(tuple(joined))

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def frames(self) -> int:
        """How many frames survive."""
        return sum(len(span) for span in self.spans)

    def clip(self, total: int) -> KeepList:
        """What lies in `[0, total)`."""
        return KeepList(tuple(Span(s.start, min(s.end, total)) for s in self.spans if s.start < total))

    def invert(self, total: int) -> KeepList:
        """What of `[0, total)` is removed."""
        removed: list[Span] = []
        at = 0
        for span in self.clip(total):
            if span.start > at:
                removed.append(Span(at, span.start))
            at = span.end
        if at < total:
            removed.append(Span(at, total))
        return KeepList(tuple(removed))

    def union(self, other: KeepList) -> KeepList:
        """Frames in either."""
        return KeepList.of((*self.spans, *other.spans))

    def __contains__(self, frame: int) -> bool:
        return any(frame in span for span in self.spans)

    def intersection(self, other: KeepList) -> KeepList:
        """Frames in both."""
        found = []
        for span in self.spans:
            for theirs in other.spans:
                start, end = max(span.start, theirs.start), min(span.end, theirs.end)
                if start < end:
                    found.append(Span(start, end))
        return KeepList.of(found)


def merge(base: KeepList, mine: KeepList, theirs: KeepList) -> KeepList:
    """Both sets of changes that were made to `base`: a frame that I put in or took out is as I have it, all others are
    as they have them.
    """
    total = max((keep.spans[-1].end for keep in (base, mine, theirs) if keep.spans), default=0)
    added = mine.intersection(base.invert(total))
    removed = base.intersection(mine.invert(total))
    return theirs.union(added).intersection(removed.invert(total))
