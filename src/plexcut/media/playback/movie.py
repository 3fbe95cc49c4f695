"""A file for a browser that does not exist: its bytes are known by place, and made when they are read."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from plexcut.domain.media import Source
from plexcut.domain.spans import KeepList
from plexcut.errors import FormatUnsupported
from plexcut.media.cutting.h264_sets import SourceSets
from plexcut.media.index.model import MediaIndex, Track
from plexcut.media.playback import boxes
from plexcut.media.playback.boxes import Reference, Sample, TrackRun, VideoEntry
from plexcut.media.playback.copying import Copied, copyable
from plexcut.media.playback.encode import Coding
from plexcut.media.playback.layout import Fragment, Stretch, Timeline, place, sounds_until
from plexcut.media.playback.sound import FRAME_BUDGET_BYTES, FRAME_SAMPLES, SoundRun, sound_entry
from plexcut.media.playback.transcode import Transcoded, coding_of

log = logging.getLogger(__name__)

VERSION = 1
"""Raise it whenever the same recording and spans make other bytes."""

_SOUND_GROUP = 4
"""Sound is read from the beginning of every so many fragments on: times in some containers are rounded, so that two
readings that begin at different places may differ by a fraction of a millisecond."""


class PictureMaker(Protocol):
    """Makes the pictures of fragments for one reader. Close it."""

    def samples(self, stretch: Stretch, quality: int, should_cancel: Callable[[], bool]) -> list[Sample]:
        """Those of a stretch. Raises `FormatUnsupported`, `FileUnreadable`, `Cancelled`."""

    def close(self) -> None:
        """Let go of files and decoders."""


class Pictures(Protocol):
    """The pictures of a result: how they are divided into fragments, and who makes them."""

    entry: VideoEntry
    stretches: list[Stretch]
    qualities: Sequence[int]

    def decode_start(self, stretch: Stretch) -> int:
        """Decode time of the first picture of a stretch, in ticks of the video."""

    def budget(self, stretch: Stretch) -> int:
        """Bytes that the pictures of a stretch may take."""

    def run(self) -> PictureMaker:
        """For a reader that goes through the file."""


@dataclass(frozen=True, slots=True)
class MovieOrder:
    """What to play: `fingerprint` is the recording's identity, `track` the audio track (None: no sound)."""

    source: Source
    index: MediaIndex
    fingerprint: str
    keep: KeepList
    track: Track | None

    @property
    def key(self) -> str:
        """The same for the same bytes."""
        spans = ",".join(f"{span.start}-{span.end}" for span in self.keep)
        track = None if self.track is None else self.track.id
        told = f"{VERSION} {self.fingerprint} {self.index.program} {track} {spans}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Look:
    """What a recording says of itself, whatever is played of it: `sets` where it can be copied (None: it cannot)."""

    sets: SourceSets | None
    coding: Coding


class Movie:
    """`header`, then fragments, each of a size of its own that nothing changes."""

    def __init__(self, order: MovieOrder, look: Look) -> None:
        self.key = order.key
        self._order = order
        self.timeline = Timeline.of(order.index, order.keep)
        self._pictures = _pictures(order.source, self.timeline, look)
        self._sound = None if order.track is None else sound_entry(order.track)
        self.fragments = self._divide()
        self.header = self._head()
        self._ends = np.array([len(self.header) + f.at + f.size for f in self.fragments], np.int64)
        self.size_bytes = int(self._ends[-1])

    def _divide(self) -> list[Fragment]:
        line = self.timeline
        stretches = self._pictures.stretches
        sounds = [0] * len(stretches)
        if self._sound is not None:
            sounds = [sounds_until(line, s.until, self._sound.rate, FRAME_SAMPLES) for s in stretches]
        sizes = []
        for stretch, before, until in zip(stretches, [0, *sounds], sounds, strict=False):
            count = until - before
            sizes.append(
                self._pictures.budget(stretch) + count * FRAME_BUDGET_BYTES + boxes.overhead(len(stretch), count)
            )
        return list(place(stretches, sizes, sounds))

    def _head(self) -> bytes:
        line = self.timeline
        references = [Reference(f.size, f.stretch.until - f.stretch.start) for f in self.fragments]
        return b"".join(
            (
                boxes.file_type(),
                boxes.movie(self._pictures.entry, self._sound, line.timescale, line.duration),
                boxes.segment_index(line.timescale, references),
            )
        )

    def fragment_at(self, position: int) -> Fragment | None:
        """The fragment that holds a byte; None for the header."""
        if position < len(self.header):
            return None
        return self.fragments[int(np.searchsorted(self._ends, position, side="right"))]

    def decode_start(self, fragment: Fragment) -> int:
        """Decode time of a fragment's first picture, in ticks of the video."""
        return self._pictures.decode_start(fragment.stretch)

    def run(self) -> MovieRun:
        """For a reader that goes through the file."""
        return MovieRun(self._order, self, self._pictures.run(), self._pictures.qualities)


def look_at(source: Source, index: MediaIndex) -> Look:
    """How a recording is played.

    Raises:
        FormatUnsupported: it has no picture. FileUnreadable.
    """
    return Look(copyable(source, index), coding_of(source, index))


def _pictures(source: Source, timeline: Timeline, look: Look) -> Pictures:
    """Copied where browsers play the source, else coded anew."""
    if look.sets is not None:
        try:
            return Copied(source, timeline, look.sets)
        except FormatUnsupported as error:
            log.info("%s is coded anew to be played: %s", source.name, error.message)
    return Transcoded(source, timeline, look.coding)


class MovieRun:
    """Makes fragments; one after the other costs least. Not for several threads at once. Close it."""

    def __init__(self, order: MovieOrder, movie: Movie, pictures: PictureMaker, qualities: Sequence[int]) -> None:
        self._order = order
        self._movie = movie
        self._pictures = pictures
        self._qualities = qualities
        self._sound: SoundRun | None = None
        self.next = 0

    def close(self) -> None:
        self._pictures.close()
        if self._sound is not None:
            self._sound.close()
            self._sound = None

    def make(self, fragment: Fragment, should_cancel: Callable[[], bool]) -> bytes:
        """The bytes of a fragment: always the same.

        Raises:
            FormatUnsupported, FileUnreadable, Cancelled.
        """
        sounds = [Sample(data, FRAME_SAMPLES) for data in self._sounds(fragment, should_cancel)]
        for quality in self._qualities:
            pictures = self._pictures.samples(fragment.stretch, quality, should_cancel)
            runs = [
                TrackRun(boxes.VIDEO_TRACK, self._movie.decode_start(fragment), pictures),
                TrackRun(boxes.AUDIO_TRACK, fragment.first_sound * FRAME_SAMPLES, sounds),
            ]
            data = boxes.fragment(fragment.number + 1, runs, fragment.size)
            if data is not None:
                self.next = fragment.number + 1
                return data
            log.debug("fragment %d does not fit at quality %d", fragment.number, quality)
        raise FormatUnsupported("this part of the recording cannot be made small enough to be played")

    def _sounds(self, fragment: Fragment, should_cancel: Callable[[], bool]) -> list[bytes]:
        track = self._order.track
        if track is None or fragment.first_sound == fragment.end_sound:
            return []
        group = fragment.number // _SOUND_GROUP * _SOUND_GROUP
        run = self._sound
        if run is None or run.next != fragment.first_sound or fragment.number == group:
            if run is not None:
                run.close()
            fragments = self._movie.fragments
            last = fragments[min(group + _SOUND_GROUP, len(fragments)) - 1]
            frames = (fragments[group].first_sound, last.end_sound)
            run = self._sound = SoundRun(self._order.source, self._movie.timeline, track, frames)
            run.skip(fragment.first_sound, should_cancel)
        try:
            return run.take(fragment.end_sound - fragment.first_sound, should_cancel)
        except BaseException:
            run.close()
            self._sound = None
            raise
