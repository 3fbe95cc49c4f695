"""The index of a recording: where every coded picture is, when it is shown, and what kind it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plexcut.domain.media import AudioFacts, RecordingFacts, StreamFacts, VideoFacts
from plexcut.domain.timecode import floor_us, format_timecode, us_to_s
from plexcut.errors import PositionInvalid
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.index.companions import PesRows, RawPes, clocked_companion
from plexcut.media.index.sent import SentClocks

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

INDEX_VERSION = 7
_PIECE_ROWS = 1 << 16
_LATEST = (1 << 63) - 1
_LONGEST_FRAME_S = 60
"""Longer than this a file's word on its last frame is not taken."""


@dataclass(frozen=True, slots=True)
class Track:
    """A stream beside the video. `id` is its PID in a transport stream, the stream's index elsewhere.

    `kind` is audio, subtitle, data or attachment.
    """

    id: int
    kind: str
    codec: str
    language: str | None = None
    channels: int | None = None
    sample_rate: int | None = None


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The video stream that is shown and cut. `extradata` is empty where parameter sets are in band."""

    id: int
    codec: str
    width: int
    height: int
    interlaced: bool
    sample_aspect: Fraction
    profile: str | None
    pixel_format: str
    extradata: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class RawScan:
    """What a transport stream said, so that the index can be made longer when the file grows.

    `clocks`: how those of the rows that were sent are told from the times of the index. `hint` of each row counts in
    display order modulo `2**hint_bits`. `breaks`: file positions at which a new clock was announced. `promoted`: the
    stream has no keyframe by its own account, those of the index were guessed. `pes`: PES packets of the other streams.
    """

    clocks: SentClocks
    hint: npt.NDArray[np.uint16]
    hint_bits: int
    breaks: I64
    promoted: bool
    pes: RawPes

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RawScan)
            and all(np.array_equal(getattr(self, n), getattr(other, n)) for n in ("hint", "breaks"))
            and (self.clocks, self.hint_bits, self.promoted, self.pes)
            == (other.clocks, other.hint_bits, other.promoted, other.pes)
        )

    def __hash__(self) -> int:
        return hash((self.clocks, self.hint.tobytes()))


@dataclass(frozen=True)
class MediaIndex:
    """One row for each coded frame (two fields are one frame), in decode order, beginning anywhere.

    `pts`, `dts`: ticks of `time_base`, unwrapped and continuous. `at`: file position of the packet (TS: the transport
    packet) in which the frame begins; `skip`: bytes of that packet's payload that belong to the frame before (TS);
    `size`: its bytes in the elementary stream. `flags`: `PictureFlag`. `display`: row of each displayable frame, in
    display order.

    `clock_at`, `clock_add`: from file position `clock_at[i]` on, raw 33-bit clocks plus `clock_add[i]` (and a multiple
    of 2**33) are ticks of the time line (TS only). `pmt`: the programme's table (TS only), with the streams that later
    ones name besides. `raw`: None where the index cannot be made longer. `last_ticks`: how long the last frame lasts,
    0 where the file does not say.
    """

    container: str
    program: int | None
    time_base: Fraction
    video: VideoTrack
    tracks: tuple[Track, ...]
    pts: I64
    dts: I64
    at: I64
    skip: npt.NDArray[np.int16]
    size: npt.NDArray[np.int32]
    flags: npt.NDArray[np.uint16]
    display: I32
    clock_at: I64
    clock_add: I64
    discontinuities: int
    size_bytes: int
    dropped: tuple[str, ...] = field(default=())
    pmt: bytes = b""
    pmt_pid: int = 0
    raw: RawScan | None = None
    last_ticks: int = 0

    @property
    def frames(self) -> int:
        """How many displayable frames there are."""
        return int(self.display.size)

    @cached_property
    def shown_pts(self) -> I64:
        """Timestamp of each displayable frame, rising."""
        shown: I64 = self.pts[self.display]
        return shown

    @cached_property
    def number_of(self) -> I32:
        """Frame number of each row; -1 for rows that are never shown."""
        numbers = np.full(self.pts.size, -1, np.int32)
        numbers[self.display] = np.arange(self.frames, dtype=np.int32)
        return numbers

    @cached_property
    def frame_ticks(self) -> int:
        """The usual distance between two frames, in ticks."""
        if self.frames < 2:
            return max(1, round(Fraction(1, 25) / self.time_base))
        return max(1, int(np.median(np.diff(self.shown_pts))))

    @cached_property
    def fps(self) -> Fraction:
        """The frame rate: a usual one where the timestamps say so within 0.1 %, else what they say."""
        return _rate(self.shown_pts, self.frame_ticks, self.time_base)

    @cached_property
    def end_pts(self) -> int:
        """Where the last frame ends."""
        usual = max(1, round(1 / (self.fps * self.time_base)))
        said = (
            self.last_ticks
            if usual <= self.last_ticks * 2 and self.last_ticks * self.time_base < _LONGEST_FRAME_S
            else 0
        )
        return int(self.shown_pts[-1]) + (said or usual)

    @cached_property
    def times_us(self) -> I64:
        """Time of each frame from the first one, rounded down to the microsecond; one more row for the end."""
        ticks = np.append(self.shown_pts, self.end_pts) - self.shown_pts[0]
        scale = self.time_base * 1_000_000
        if int(ticks[-1]) * scale.numerator < 2**62:
            times: I64 = ticks * scale.numerator // scale.denominator
            return times
        return np.array([int(t) * scale.numerator // scale.denominator for t in ticks], np.int64)

    def time_us(self, frame: int) -> int:
        """One of `times_us`, for which the others are not needed."""
        scale = self.time_base * 1_000_000
        return (self.pts_of(frame) - int(self.shown_pts[0])) * scale.numerator // scale.denominator

    def pts_of(self, frame: int) -> int:
        """Timestamp of a frame; `frames` gives the end."""
        return self.end_pts if frame >= self.frames else int(self.shown_pts[frame])

    def frame_at(self, time_s: Fraction) -> int:
        """The frame that is being shown at a time.

        Raises:
            PositionInvalid: the time is outside the recording.
        """
        time_us = floor_us(time_s)
        if time_us < 0 or time_us >= int(self.times_us[-1]):
            raise PositionInvalid(
                f"{format_timecode(max(time_s, Fraction(0)))} is outside the recording",
                f"it lasts {self.times_us[-1] / 1e6:.3f} s",
            )
        return int(np.searchsorted(self.times_us[:-1], time_us, side="right")) - 1

    def first_frame_from(self, time_s: Fraction) -> int:
        """The first frame whose time is not before `time_s`; `frames` where there is none."""
        scaled = time_s * 1_000_000
        ceiling = min(-((-scaled.numerator) // scaled.denominator), int(self.times_us[-1]))
        return int(np.searchsorted(self.times_us[:-1], ceiling, side="left"))

    @cached_property
    def keys(self) -> I64:
        """Rows that decoding can start at."""
        return np.flatnonzero(self.flags & PictureFlag.KEY)

    def key_before(self, row: int) -> int:
        """The row to start decoding at, so that the picture of `row` comes out whole.

        A leading picture refers to the group before its keyframe, so it needs the keyframe before that.
        """
        position = int(np.searchsorted(self.keys, row, side="right")) - 1
        if position < 0:
            return row
        key = int(self.keys[position])
        leading = self.pts[row] < self.pts[key]
        if leading and position > 0 and not self.flags[row] & PictureFlag.RADL:
            key = int(self.keys[position - 1])
        return key

    @cached_property
    def uncertain(self) -> frozenset[int]:
        """Frames whose picture depends on where decoding began: from a damaged one to the second keyframe behind it."""
        frames: set[int] = set()
        for row in np.flatnonzero(self.flags & PictureFlag.DAMAGED).tolist():
            behind = self.keys[self.keys > row]
            end = int(behind[min(1, behind.size - 1)]) if behind.size else self.pts.size
            start = self.key_before(row)
            numbers = self.number_of[start:end]
            frames.update(numbers[numbers >= 0].tolist())
        return frozenset(frames)

    @cached_property
    def companions(self) -> dict[int, PesRows]:
        """The PES packets of each audio and subtitle track, by the track's id (TS only)."""
        if self.raw is None:
            return {}
        wanted = [track.id for track in self.tracks if track.kind in ("audio", "subtitle")]
        return {pid: clocked_companion(self.raw.pes, pid, self) for pid in wanted}

    def companion_at(self, track_id: int, pts: int) -> int | None:
        """File position from which on to read a track to find what is due at `pts`; None where that is not known.

        The PES packet that is due then, or the last one before, begins there; the track's first where all are later.
        """
        found = self.companions.get(track_id)
        return None if found is None else found.position_at(pts)

    def facts(self) -> RecordingFacts:
        """What `probe` tells."""
        v = self.video
        shown_keys = int(np.count_nonzero(self.number_of[self.keys] >= 0))
        return RecordingFacts(
            duration_s=us_to_s(int(self.times_us[-1])),
            frames=self.frames,
            fps=round(float(self.fps), 6),
            keyframes=shown_keys,
            video=VideoFacts(
                codec=v.codec,
                width=v.width,
                height=v.height,
                interlaced=v.interlaced,
                profile=v.profile,
                pixel_format=v.pixel_format,
                sample_aspect=f"{v.sample_aspect.numerator}:{v.sample_aspect.denominator}",
            ),
            audio=tuple(
                AudioFacts(t.codec, t.language, t.channels, t.sample_rate, t.id)
                for t in self.tracks
                if t.kind == "audio"
            ),
            subtitles=tuple(StreamFacts(t.codec, t.language, t.id) for t in self.tracks if t.kind == "subtitle"),
            other=tuple(
                StreamFacts(t.codec, t.language, t.id) for t in self.tracks if t.kind not in ("audio", "subtitle")
            ),
            discontinuities=self.discontinuities,
            container=self.container,
            size_bytes=self.size_bytes,
        )


_USUAL_RATES = tuple(
    Fraction(n, d)
    for n, d in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1),
                 (15, 1), (12, 1), (10, 1), (100, 1), (120000, 1001), (120, 1))
)  # fmt: skip


_STEADY_SHARE = 0.75


def _rate(shown_pts: I64, frame_ticks: int, time_base: Fraction) -> Fraction:
    steps = np.diff(shown_pts)
    steady = steps[np.abs(steps - frame_ticks) <= max(1, frame_ticks // 50)]
    pairs = steps[1:] + steps[:-1]
    pair = int(np.median(pairs)) if pairs.size else 0
    even = np.count_nonzero(np.abs(pairs - pair) <= max(1, pair // 50))
    if pair and steady.size < _STEADY_SHARE * steps.size and even >= _STEADY_SHARE * pairs.size:
        # Pulldown: film in 60 fields, two and three by turns. (Frames that are left out make uneven pairs too.)
        step = Fraction(pair, 2)
    else:
        step = Fraction(int(steady.sum()), int(steady.size)) if steady.size else Fraction(frame_ticks)
    rate = 1 / (step * time_base)
    nearest = min(_USUAL_RATES, key=lambda usual: abs(usual / rate - 1))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 1000) else rate.limit_denominator(100_000)


def display_order(pts: I64, flags: npt.NDArray[np.uint16]) -> I32:
    """Rows of the displayable frames in display order: from the first keyframe on, less what cannot be decoded.

    The leading pictures of the first keyframe refer to a group that the file does not hold, unless that group is
    closed or they are RADL pictures.
    """
    keys = np.flatnonzero(flags & PictureFlag.KEY)
    if not keys.size:
        return np.empty(0, np.int32)
    first = int(keys[0])
    second = int(keys[1]) if keys.size > 1 else pts.size
    closed = bool(flags[first] & PictureFlag.CLOSED)

    def shown(begin: int) -> I64:
        rows = np.arange(begin, min(begin + _PIECE_ROWS, pts.size))
        leading = (rows < second) & (pts[rows] < pts[first])
        decodable = closed | ((flags[rows] & PictureFlag.RADL) != 0)
        found: I64 = rows[(~leading | decodable) & ((flags[rows] & PictureFlag.HIDDEN) == 0)]
        return found

    # Piece by piece, each as far as nothing of a later one comes before, so that little memory is needed for it.
    begins = range(first, pts.size, _PIECE_ROWS)
    lowest = [pts[shown(begin)].min(initial=_LATEST) for begin in begins]
    lowest = [*np.minimum.accumulate(lowest[::-1])[::-1].tolist()[1:], _LATEST]
    order = np.empty(pts.size - first, np.int32)
    count, left = 0, np.empty(0, np.int64)
    for begin, limit in zip(begins, lowest, strict=True):
        rows = np.concatenate((left, shown(begin)))
        # Of two with one timestamp (a multiplexer's slip) the one that nothing refers to is the earlier.
        rows = rows[np.lexsort((rows, (flags[rows] & PictureFlag.REF) != 0, pts[rows]))]
        done = int(np.searchsorted(pts[rows], limit)) if limit != _LATEST else rows.size
        order[count : count + done] = rows[:done]
        count, left = count + done, rows[done:]
    return order[:count]
