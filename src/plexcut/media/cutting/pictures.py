"""The coded pictures of a result: copied from the source or re-encoded, each fit to follow the one before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from av.video.frame import VideoFrame

from plexcut.domain.media import Source
from plexcut.domain.ports import ShouldCancel, never
from plexcut.media.bitstream import h264, hevc
from plexcut.media.bitstream.bits import annexb_nals, to_annexb, to_sized
from plexcut.media.bitstream.pictures import PictureFlag
from plexcut.media.cutting.carried import carried_nals, is_film, with_carried, with_picture_data_of
from plexcut.media.cutting.encode import CodingNeeds, encode_pictures, padded
from plexcut.media.cutting.h264_numbers import LeadIn, Numbered, Numbering, Unfit, depth_below, number_run
from plexcut.media.cutting.h264_references import Buffer, CodedPicture, coded_pictures, fitted_marking, held_before
from plexcut.media.cutting.h264_rewrite import fit, remarked
from plexcut.media.cutting.h264_sets import (
    Counts,
    SourceSets,
    reorder_depth,
    source_sets,
    stand_in_counts,
    unit_nals,
    with_reordering,
)
from plexcut.media.cutting.mpeg2_join import is_mpeg1, is_progressive_sequence, with_sequence_of, without_sequence_end
from plexcut.media.cutting.openings import HEVC_SETS, broken_link, missing_hevc_sets, with_opening
from plexcut.media.cutting.plan import Part, Plan
from plexcut.media.cutting.room import most_bits
from plexcut.media.cutting.runs import Run, SeamsBehind, SeamsSpent, find_runs
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.cutting.seam_frames import decode_frames
from plexcut.media.index.container import nal_length_size, parameter_nals
from plexcut.media.index.model import MediaIndex
from plexcut.media.units import UnitReader, open_units

_READ_AHEAD = 32
_ENCODERS = 2
_PIXEL_BYTES = 2
_AT_ONCE_BYTES = 200 << 20
_FIELD_LINES = 32
"""Interlaced MPEG-2 pictures are coded in multiples of so many lines, others of half as many."""
Drops = list[tuple[int, ...] | None]
TRIMMED = ("h264", "hevc")


@dataclass(frozen=True, slots=True)
class CodedUnit:
    """An access unit as it is written; `key`: decoding can start here."""

    data: bytes
    key: bool


class PictureSource:
    """Gives the pictures of a schedule in order. Close it.

    In a transport stream they are byte streams, in a container samples of the source's own form.
    """

    def __init__(self, path: Source, index: MediaIndex, plan: Plan, schedule: Schedule) -> None:
        self._index = index
        self._plan = plan
        self._parts = plan.parts
        self._schedule = schedule
        self._reader = open_units(path, index)
        self._path = path
        self._of_thread = threading.local()
        self._seam_readers: list[UnitReader] = []
        self._length_size = nal_length_size(index.video.codec, index.video.extradata)
        self._byte_stream = index.container == "mpegts"
        self._encoded: dict[int, CodedUnit] = {}
        self._openings: dict[int, list[bytes]] = {}
        self._ahead: dict[int, bytes] = {}
        self._remarked: dict[int, tuple[Drops, SourceSets]] = {}
        self._behind: SeamsBehind | None = None
        self.spent = SeamsSpent()
        self._in_band = self._repeated_sets()
        self.encoder_sets: list[bytes] = []
        self.coarser = 0

    def close(self) -> None:
        self._reader.close()
        if self._behind is None:
            self._close_seams()
        else:
            self._behind.close(self._close_seams)

    def _close_seams(self) -> None:
        for reader in self._seam_readers:
            reader.close()

    @property
    def _seam_reader(self) -> UnitReader:
        """What this thread reads pictures around seams with."""
        reader: UnitReader | None = getattr(self._of_thread, "reader", None)
        if reader is None:
            reader = self._of_thread.reader = open_units(self._path, self._index)
            self._seam_readers.append(reader)
        return reader

    def encode_seams(self, on_fraction: Callable[[float], None], should_cancel: Callable[[], bool]) -> None:
        """Re-encode all pictures that need it, and look up what copied parts need in front.

        Raises:
            FormatUnsupported: a seam cannot be re-encoded.
            Cancelled: `should_cancel` said so.
        """
        total = max(1, self._plan.reencoded)
        self._behind = self._begin(should_cancel)
        self._behind.wait_for_all(lambda: on_fraction(len(self._encoded) / total))
        self._look_up()

    def encode_behind(self, should_cancel: ShouldCancel = never) -> None:
        """The same, on a thread, while the caller gets pictures: `get` waits for those that are not there yet."""
        self._look_up()
        self._behind = self._begin(should_cancel)

    def _begin(self, should_cancel: ShouldCancel) -> SeamsBehind:
        runs = find_runs(self._plan, self._schedule)
        video = self._index.video
        longest = max((len(run.pictures) for run in runs), default=0)
        # Decoded pictures are large: those of two seams at once are too many where they are many, or wide.
        fit = 2 * longest * video.width * video.height * _PIXEL_BYTES <= _AT_ONCE_BYTES
        self.spent.threads = min(_ENCODERS, max(len(runs), 1)) if fit else 1
        return SeamsBehind(runs, self._encode_run, should_cancel, self.spent)

    def _look_up(self) -> None:
        for part in self._parts:
            if part.kind == "copy" and part.rows is not None:
                self._openings[part.rows.start] = self._opening(part.rows.start)
        self._look_at_the_start()

    def _encode_run(self, run: Run) -> None:
        places = [*run.pictures, *run.stand_ins]
        self._encoded.update(zip(places, self._encode(run, places), strict=True))

    def _look_at_the_start(self) -> None:
        """A result that begins with a copied H.264 keyframe, nothing before it: unmark nothing that is not there."""
        row = int(self._schedule.row[0])
        if self._index.video.codec != "h264" or row < 0 or self._index.flags[row] & PictureFlag.CLOSED:
            return
        if int(self._index.number_of[row]) == 0:
            return
        sets = source_sets(self._seam_reader, self._index, row)
        self._remark(row, sets, Buffer.of(sets), None)

    def _remark(self, row: int, sets: SourceSets, buffer: Buffer, wanted: frozenset[int] | None) -> None:
        """Let a copied keyframe unmark what `buffer` really holds; see `fitted_marking`."""
        pictures = coded_pictures(self._unit(row), self._index, sets.parsed())
        if pictures:
            drops = fitted_marking(pictures, buffer, wanted)
            if drops != [picture.drops for picture in pictures]:
                self._remarked[row] = drops, sets

    def get(self, picture: int, source: bytes | None = None) -> CodedUnit:
        """The picture with this place in the schedule; ask in rising order.

        `source`: its bytes in the recording, where the caller has them; else they are read.
        """
        row = int(self._schedule.row[picture])
        if self._behind is not None:
            self._behind.wait(picture, row)
        if row < 0:
            return self._encoded.pop(picture)
        opens = row in self._openings
        data = self._copied(picture, self.read(row) if source is None else source)
        return CodedUnit(data, opens or bool(self._index.flags[row] & PictureFlag.KEY))

    def plain(self, row: int, source: memoryview) -> tuple[bytes, memoryview] | None:
        """What a byte stream holds of a picture that is copied as it is: what comes in front, and a part of `source`.

        None where something has to be done to the picture, see `get`.
        """
        if row in self._openings or row in self._remarked:
            return None
        if self._index.video.codec not in TRIMMED:
            return b"", source
        # A zero in front of the first start code belongs to this unit, though it lies at the end of the one before.
        end = len(source)
        while end and source[end - 1] == 0:
            end -= 1
        return (b"\x00" if bytes(source[:3]) == b"\x00\x00\x01" else b""), source[:end]

    @property
    def fitted_rows(self) -> list[int]:
        """The rows of copied pictures to which something may have to be done; of all others `plain` gives something."""
        return list(self._openings)

    def _copied(self, picture: int, data: bytes) -> bytes:
        row = int(self._schedule.row[picture])
        opening = self._openings.get(row, [])
        codec = self._index.video.codec
        if self._in_band and not opening and self._index.flags[row] & PictureFlag.KEY:
            own = {hevc.nal_type(nal) for nal in unit_nals(data, self._index)}
            opening = [nal for nal in self._in_band if hevc.nal_type(nal) not in own]
        follows = picture > 0 and row in self._openings
        if codec == "hevc" and follows and not self._index.flags[row] & PictureFlag.CLOSED:
            return self._packed(broken_link(with_opening(unit_nals(data, self._index), opening, hevc.AUD)))
        if row in self._remarked:
            drops, sets = self._remarked[row]
            nals = remarked(unit_nals(data, self._index), sets, drops)
            return self._packed(with_opening(nals, opening, h264.AUD))
        if opening:
            return self._packed(
                with_opening(unit_nals(data, self._index), opening, h264.AUD if codec == "h264" else hevc.AUD)
            )
        if self._byte_stream and codec in TRIMMED:
            # A zero in front of the first start code belongs to this unit, though it lies at the end of the one before.
            data = data.rstrip(b"\x00")
            return b"\x00" + data if data.startswith(b"\x00\x00\x01") else data
        return data

    def _packed(self, nals: list[bytes]) -> bytes:
        return to_sized(nals, self._length_size) if self._length_size else to_annexb(nals)

    def read(self, row: int) -> bytes:
        """The bytes of a row in the recording; ask in rising order."""
        if row not in self._ahead:
            last = min(row + _READ_AHEAD, self._index.pts.size)
            self._ahead = {r: b"".join(unit) for r, unit in enumerate(self._reader.read(row, last), row)}
        return self._ahead.pop(row)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the plan."""
        return self._parts

    def opening(self, row: int) -> list[bytes]:
        """What goes in front of the copied part that begins with a row."""
        return self._openings.get(row, [])

    def amended(self, nal: bytes) -> bytes:
        """The SPS that stands for one of the source's where pictures are encoded."""
        return self._reordered(nal)

    def _opening(self, row: int) -> list[bytes]:
        """Parameter sets to put in front of a copied part, where its own keyframe does not bring them."""
        codec = self._index.video.codec
        if codec == "h264" and not self._length_size:
            sets = source_sets(self._seam_reader, self._index, row)
            return [] if sets.in_band else list(sets.nals)
        if codec == "hevc" and (self._plan.reencoded or not self._length_size):
            return missing_hevc_sets(self._seam_reader, self._index, row)
        return []

    def _repeated_sets(self) -> list[bytes]:
        """HEVC parameter sets that go in front of every copied keyframe: a player may seek there from encoded pictures.

        Those have sets of their own under the same ids, and a copied keyframe counts on the file's header for its own.
        """
        video = self._index.video
        if video.codec != "hevc" or not self._length_size or not self._plan.reencoded:
            return []
        return [nal for nal in parameter_nals("hevc", video.extradata) if hevc.nal_type(nal) in HEVC_SETS]

    def _unit(self, row: int) -> bytes:
        return b"".join(next(self._seam_reader.read(row, row + 1)))

    def _encode(self, run: Run, places: Sequence[int]) -> list[CodedUnit]:
        numbers = [int(self._schedule.frame[p]) for p in places]
        with self.spent.decoding():
            frames = decode_frames(self._seam_reader, self._index, numbers)
        codec = self._index.video.codec
        if codec == "h264":
            return self._encode_h264(run, frames, numbers)
        sources = [self._unit(int(self._index.display[n])) for n in numbers]
        most = most_bits(self._seam_reader, self._index, self._sets_row(run), numbers)
        if codec in ("mpeg2video", "mpeg1video"):
            return self._encode_mpeg2(self._unit(self._sets_row(run)), frames, sources, most)
        needs = CodingNeeds(interlaced=self._index.video.interlaced, most_bits=most)
        units = encode_pictures(frames, self._index, needs)
        if codec != "hevc":
            return [CodedUnit(unit, i == 0) for i, unit in enumerate(units)]
        dropped = (hevc.AUD,) if self._length_size else ()
        coded = []
        for i, unit in enumerate(units):
            nals = [nal for nal in annexb_nals(unit) if hevc.nal_type(nal) not in dropped]
            nals = with_carried(nals, self._carried(numbers[i], starts=i == 0), codec)
            coded.append(CodedUnit(self._packed(nals), i == 0))
        return coded

    def _carried(self, number: int, *, starts: bool) -> list[bytes]:
        """What the picture of a frame carries, for one that is encoded in its place; `starts`: as a keyframe."""
        index = self._index
        row = int(index.display[number])
        keyframe = unit_nals(self._unit(index.key_before(row)), index) if starts else []
        return carried_nals(unit_nals(self._unit(row), index), keyframe, index.video.codec)

    def _encode_mpeg2(
        self, keyframe: bytes, frames: list[VideoFrame], sources: list[bytes], most: int | None
    ) -> list[CodedUnit]:
        in_fields = not is_progressive_sequence(keyframe)
        if in_fields and any(is_film(source) for source in sources):
            # Such a picture cannot be called one of a single moment if it is encoded in fields, nor be shown longer.
            in_fields = 0 < frames[0].height % _FIELD_LINES <= _FIELD_LINES // 2
        needs = CodingNeeds(in_fields, most_bits=most, mpeg1=is_mpeg1(keyframe))
        units = [without_sequence_end(unit) for unit in encode_pictures(frames, self._index, needs)]
        units[0] = with_sequence_of(units[0], keyframe)
        if self._index.video.codec == "mpeg2video":
            units = [with_picture_data_of(unit, source) for unit, source in zip(units, sources, strict=True)]
        return [CodedUnit(unit, i == 0) for i, unit in enumerate(units)]

    def _encode_h264(self, run: Run, frames: list[VideoFrame], shown: list[int]) -> list[CodedUnit]:
        index, reader = self._index, self._seam_reader
        sets = source_sets(reader, index, self._sets_row(run))
        frames = padded(frames, sets.coded_size)
        sets = replace(sets, nals=tuple(self._reordered(nal) for nal in sets.nals))
        count = len(run.pictures)
        lead_in = held = None
        stood_for: list[Counts] = []
        if run.key is not None and not index.flags[run.key] & PictureFlag.CLOSED:
            held = held_before(reader, index, run.key, sets)
            stood_for = [stand_in_counts(reader, index, row, sets) for row in run.stood_for]
            depth = max((depth_below(sets, counts) for counts in stood_for), default=0)
            in_fields = bool(index.flags[run.key] & PictureFlag.FIELDS)
            lead_in = LeadIn(run.key, depth, None if held is None else held.frames, in_fields)
        numbering = number_run(count, sets, lead_in)
        numbers = [*numbering.numbers, *self._lead_behind(run, sets, numbering, (held, stood_for))]
        intra = set(range(count, len(frames))) | numbering.intra
        if not sets.sps.ref_frames:
            intra = set(range(len(frames)))
        most = most_bits(reader, index, self._sets_row(run), shown)
        needs = replace(sets.needs(), coarser=self.coarser, most_bits=most)
        encoded = encode_pictures(frames, index, needs, intra)
        fitted = fit([annexb_nals(unit) for unit in encoded], numbers, sets)
        for nal in fitted[0]:
            if nal[0] & 31 in (h264.SPS, h264.PPS) and nal not in self.encoder_sets:
                self.encoder_sets.append(nal)
        if self._length_size:
            dropped = (h264.AUD, h264.SPS, h264.PPS)
            fitted = [[nal for nal in unit if nal[0] & 31 not in dropped] for unit in fitted]
        fitted = [
            with_carried(unit, self._carried(n, starts=i == 0), "h264")
            for i, (unit, n) in enumerate(zip(fitted, shown, strict=True))
        ]
        return [CodedUnit(self._packed(unit), n.idr) for unit, n in zip(fitted, numbers, strict=True)]

    def _lead_behind(
        self, run: Run, sets: SourceSets, numbering: Numbering, source: tuple[Buffer | None, list[Counts]]
    ) -> list[Numbered]:
        """The numbers of the stand-ins; and the keyframe's marking, where it unmarks what the result does not hold.

        `source`: the references that the source holds at the keyframe, and the counters of what is stood in for.
        """
        index, reader = self._index, self._seam_reader
        if run.key is None:
            return []
        if index.flags[run.key] & PictureFlag.CLOSED:
            if run.stand_ins:
                # Nothing is shown before such a keyframe that comes behind it, unless its time stamp is wrong.
                raise Unfit(run.key)
            return []
        theirs, ours = source[0], numbering.buffer
        self._remark(run.key, sets, ours, None if theirs is None else numbering.held)
        known = sets.parsed()
        if theirs is not None:
            theirs.take_all(coded_pictures(self._unit(run.key), index, known) or [])
        numbers: list[Numbered] = []
        for row, counts in zip(run.stood_for, source[1], strict=True):
            gone: frozenset[int] = frozenset()
            if theirs is not None:
                before = theirs.frames
                theirs.take_all(coded_pictures(b"".join(next(reader.read(row, row + 1))), index, known) or [])
                gone = before - theirs.frames
            bare = CodedPicture(counts.frame_num)
            drops = tuple(v for n, held in ours.held if n in gone for v in bare.names(n, held, ours.space)) or None
            numbers.append(Numbered(counts, idr=False, drops=drops))
            ours.take(replace(bare, drops=drops))
        return numbers

    def _reordered(self, nal: bytes) -> bytes:
        return with_reordering(nal, reorder_depth(self._index)) if nal[0] & 31 == h264.SPS else nal

    def _sets_row(self, run: Run) -> int:
        """A keyframe whose parameter sets are in force: the one that follows, else the one before."""
        if run.key is not None:
            return run.key
        row = int(self._index.display[int(self._schedule.frame[run.pictures[0]])])
        before = self._index.keys[self._index.keys <= row]
        return int(before[-1]) if before.size else int(self._index.keys[0])
