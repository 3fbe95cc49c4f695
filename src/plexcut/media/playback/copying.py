"""H.264 pictures that browsers play as they are: copied, and at seams re-encoded as a cut would do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from plexcut.domain.media import Source
from plexcut.errors import Cancelled, FormatUnsupported
from plexcut.media.bitstream import h264
from plexcut.media.bitstream.bits import annexb_nals, sized_nals, to_sized
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.h264_sets import SourceSets, reorder_depth, source_sets, with_reordering
from plexcut.media.cutting.opening import settled_plan
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.plan import Plan
from plexcut.media.cutting.runs import Run, find_runs
from plexcut.media.cutting.schedule import Schedule, make_schedule
from plexcut.media.index.container import nal_length_size
from plexcut.media.index.model import MediaIndex
from plexcut.media.playback.boxes import Sample, VideoEntry
from plexcut.media.playback.layout import FIRST_FRAGMENT_S, FRAGMENT_S, Stretch, Timeline
from plexcut.media.units import open_units

COARSENESS = (0, 8, 16, 27)
"""What is added to the quantiser of re-encoded pictures, tried one after the other until a fragment fits."""

_PROFILES = (66, 77, 88, 100)
_MAX_LEVEL = 52
_MAX_BITS_PER_S = 40_000_000
_MAX_GROUP_S = 8
"""A fragment holds whole groups of pictures, and is made as a whole."""
_SLACK_BYTES = 64
"""For each picture: lengths that take a byte more than start codes do."""
_SETS_BYTES = 1024
_INTRA_SHARE, _OTHER_SHARE = 10, 4
"""What re-encoded pictures may take, as multiples of the recording's average one."""
_LEFT_OUT = (h264.AUD, 12)
"""Delimiters and filler data have no place in an MP4 file."""
_SETS = (h264.SPS, h264.PPS)


def copyable(source: Source, index: MediaIndex) -> SourceSets | None:
    """The first parameter sets of a recording whose pictures browsers play; None where they would not.

    Not where a keyframe is no IDR picture, as in most broadcasts. Measured in Chromium 156: such a copy plays, and
    decodes to the very pictures in FFmpeg, but a seek to such a keyframe never comes to an end.

    Raises:
        FileUnreadable.
    """
    video = index.video
    if video.codec != "h264" or video.pixel_format not in ("yuv420p", "yuvj420p") or video.interlaced:
        return None
    bits_per_s = 8 * index.size_bytes * 1_000_000 // max(1, int(index.times_us[-1]))
    keys = np.sort(index.pts[index.keys])
    longest = int(np.diff(np.append(keys, index.end_pts)).max()) * index.time_base
    if not np.all(index.flags[index.keys] & PictureFlag.CLOSED):
        return None
    if index.uncertain or bits_per_s > _MAX_BITS_PER_S or longest > _MAX_GROUP_S:
        return None
    odd = PictureFlag.FIELDS | PictureFlag.INTERLACED | PictureFlag.RECOVERY | PictureFlag.HIDDEN
    if np.any(index.flags & odd):
        return None
    with open_units(source, index) as reader:
        try:
            sets = source_sets(reader, index, int(index.keys[0]))
        except FormatUnsupported:
            return None
    sps = sets.sps
    fits = sps.frame_mbs_only and sps.profile in _PROFILES and sps.level <= _MAX_LEVEL and sps.poc_type == 0
    return sets if fits else None


@dataclass(frozen=True, slots=True)
class _Work:
    """What all readers of one file share.

    `runs` by the place of their first picture in the schedule; `syncs`: places that decoding can begin at.
    """

    source: Source
    index: MediaIndex
    plan: Plan
    schedule: Schedule
    runs: dict[int, Run]
    syncs: frozenset[int]
    reorder: int


class Copied:
    """The pictures of a result, copied but for the few at its seams.

    Raises:
        FormatUnsupported: a seam cannot be re-encoded.
    """

    def __init__(self, source: Source, timeline: Timeline, sets: SourceSets) -> None:
        index = timeline.index
        plan = settled_plan(source, index, timeline.keep, "exact")
        schedule = make_schedule(index, plan)
        runs = {(run.pictures or run.stand_ins)[0]: run for run in find_runs(plan, schedule)}
        reorder = reorder_depth(index)
        self._syncs = _sync_places(index, schedule, list(runs))
        self._work = _Work(source, index, plan, schedule, runs, frozenset(self._syncs), reorder)
        self._scale = index.time_base.numerator
        known = tuple(with_reordering(nal, reorder) if nal[0] & 31 == h264.SPS else nal for nal in sets.nals)
        video = index.video
        aspect = video.sample_aspect if Fraction(1, 8) < video.sample_aspect < 8 else Fraction(1)
        self.entry = VideoEntry(
            video.width, video.height, aspect, known, in_band=True, delay=-int(schedule.dts[0]) * self._scale
        )
        self.qualities: Sequence[int] = COARSENESS
        self.stretches = self._divide(timeline)
        self._bytes = np.append(0, np.cumsum(self._expected_bytes()))

    def _divide(self, timeline: Timeline) -> list[Stretch]:
        """Whole groups of pictures, together about as long as fragments are to be."""
        schedule = self._work.schedule
        syncs = self._syncs
        times = [int(schedule.pts[place]) * self._scale for place in syncs] + [timeline.duration]
        found: list[Stretch] = []
        length = FIRST_FRAGMENT_S
        begin = 0
        for at in range(1, len(times)):
            if at == len(syncs) or times[at] - times[begin] >= length * timeline.timescale:
                end = syncs[at] if at < len(syncs) else schedule.pts.size
                found.append(Stretch(0, syncs[begin], end, times[begin], times[at]))
                begin, length = at, FRAGMENT_S
        return found

    def _expected_bytes(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """What each picture may take."""
        work = self._work
        sizes = work.index.size[np.maximum(work.schedule.row, 0)].astype(np.int64) + _SLACK_BYTES
        sizes[work.index.flags[np.maximum(work.schedule.row, 0)] & PictureFlag.KEY != 0] += _SETS_BYTES
        average = int(work.index.size.mean()) + 512
        encoded = work.schedule.row < 0
        sizes[encoded] = _OTHER_SHARE * average
        for run in work.runs.values():
            for place in (*run.pictures[:2], *run.stand_ins):
                sizes[place] = _INTRA_SHARE * average + _SETS_BYTES
        return sizes

    def decode_start(self, stretch: Stretch) -> int:
        """Decode time of a stretch's first picture; the file's clock begins with the very first one's."""
        dts = self._work.schedule.dts
        return int(dts[stretch.first] - dts[0]) * self._scale

    def budget(self, stretch: Stretch) -> int:
        """Bytes that the pictures of a stretch may take."""
        return int(self._bytes[stretch.end] - self._bytes[stretch.first]) + _SETS_BYTES

    def run(self) -> CopiedRun:
        """For a reader that goes through the file."""
        return CopiedRun(self._work, self._scale)


def _sync_places(index: MediaIndex, schedule: Schedule, runs: list[int]) -> list[int]:
    """Places in the schedule of pictures that decoding can begin at: keyframes and the first re-encoded ones.

    Not a keyframe that re-encoded pictures lead into: what is done to it depends on them.
    """
    copied = schedule.row >= 0
    keys = copied & (index.flags[np.maximum(schedule.row, 0)] & PictureFlag.KEY != 0)
    keys[1:] &= copied[:-1]
    keys[runs] = True
    places = np.flatnonzero(keys)
    rising = schedule.pts[places] == np.maximum.accumulate(schedule.pts[places])
    found: list[int] = places[rising].tolist()
    return found


class _Pieces(PictureSource):
    """Pictures of a schedule, from anywhere in it: runs are re-encoded when their fragment is made."""

    def ready(self, run: Run, coarser: int) -> None:
        """Re-encode a run, and look up what the keyframe behind it needs."""
        self.coarser, self.encoder_sets = coarser, []
        places = [*run.pictures, *run.stand_ins]
        self._encoded.update(zip(places, self._encode(run, places), strict=True))

    def begin(self) -> None:
        """The result's very first picture, where that is copied."""
        self._look_at_the_start()

    def sets_at(self, row: int) -> tuple[bytes, ...]:
        """The parameter sets in force at a keyframe."""
        return source_sets(self._seam_reader, self._index, row).nals


class CopiedRun:
    """Makes the pictures of fragments. Close it."""

    def __init__(self, work: _Work, scale: int) -> None:
        self._work = work
        self._scale = scale
        self._pieces: _Pieces | None = None

    def close(self) -> None:
        if self._pieces is not None:
            self._pieces.close()
            self._pieces = None

    def samples(self, stretch: Stretch, quality: int, should_cancel: Callable[[], bool]) -> list[Sample]:
        """The pictures of a stretch, in decode order."""
        pieces = self._pieces = self._pieces or self._opened()
        work = self._work
        for place in range(stretch.first, stretch.end):
            if place in work.runs:
                pieces.ready(work.runs[place], quality)
        if stretch.first == 0 and 0 not in work.runs:
            pieces.begin()
        dts = work.schedule.dts
        samples: list[Sample] = []
        for place in range(stretch.first, stretch.end):
            if should_cancel():
                raise Cancelled("nobody waits for these pictures any more")
            sync = place in work.syncs
            following = int(dts[place + 1]) if place + 1 < dts.size else int(dts[place]) + work.index.frame_ticks
            length, offset = following - int(dts[place]), int(work.schedule.pts[place] - dts[place])
            samples.append(Sample(self._data(place, sync=sync), length * self._scale, sync, offset * self._scale))
        return samples

    def _opened(self) -> _Pieces:
        work = self._work
        return _Pieces(work.source, work.index, work.plan, work.schedule)

    def _data(self, place: int, *, sync: bool) -> bytes:
        work, pieces = self._work, self._pieces
        assert pieces is not None
        row = int(work.schedule.row[place])
        unit = pieces.get(place).data
        size = nal_length_size("h264", work.index.video.extradata)
        nals = sized_nals(unit, size) if size else annexb_nals(unit)
        nals = [nal for nal in nals if nal and nal[0] & 31 not in _LEFT_OUT]
        if sync:
            sets: Sequence[bytes] = [nal for nal in nals if nal[0] & 31 in _SETS]
            if row >= 0:
                sets = pieces.sets_at(row)
            elif not sets:
                sets = pieces.encoder_sets
            nals = [*sets, *(nal for nal in nals if nal[0] & 31 not in _SETS)]
        return to_sized([self._told(nal) for nal in nals], 4)

    def _told(self, nal: bytes) -> bytes:
        return with_reordering(nal, self._work.reorder) if nal[0] & 31 == h264.SPS else nal
