"""The counters of re-encoded H.264 pictures, so that they lead into the copied keyframe behind them (ISO 14496-10).

A broadcast's keyframes are hardly ever IDR pictures, so two counters run on across a seam. A decoder derives the
picture order count (POC, 8.2.1) of a copied keyframe from the picture before it: where that does not fit, pictures are
dropped or put out of order without a warning. And where the frame number (7.4.3) has a gap, decoders fill it with
pictures of their own, which end up in the reference lists of what follows.

So an IDR in front resets the decoder, and the pictures behind it carry the counts that lead into the keyframe. Leading
pictures that later ones count on are stood in for by intra pictures with the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from plexcut.errors import FormatUnsupported
from plexcut.media.cutting.h264_sets import Counts, SourceSets

_POC_STEP = 2
_NEVER = 1 << 30
"""The distance of an IDR picture that is followed by a gap: its frame number 0 is no part of the source's count."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """How a re-encoded picture is to be numbered.

    `drops`: reference pictures that it unmarks, by how far their frame numbers lie before its own; None lets the oldest
    slide out. `ref`: whether it is a reference picture.
    """

    counts: Counts
    idr: bool
    drops: tuple[int, ...] | None = None
    ref: bool = True


@dataclass(frozen=True, slots=True)
class LeadIn:
    """What a run of re-encoded pictures leads into.

    `distances`: how many pictures before the keyframe each is shown, stand-ins counted. `held`: frame numbers of the
    source's reference pictures when it decodes the keyframe, None where that is not known. `first_of_file`: nothing
    comes before the run.
    """

    distances: tuple[int, ...]
    held: frozenset[int] | None
    first_of_file: bool


@dataclass(frozen=True, slots=True)
class Numbering:
    """Numbers for the pictures of a run; `buffer`: frame numbers of the references held behind it, oldest first."""

    numbers: list[Numbered]
    buffer: tuple[int, ...] = ()


def number_run(count: int, sets: SourceSets, lead_in: LeadIn | None) -> Numbering:
    """Numbers for `count` re-encoded pictures in display order.

    `lead_in` None: what follows, if anything, resets the counters by itself.
    """
    poc_space, num_space = 1 << max(sets.sps.poc_lsb_bits, 4), 1 << sets.sps.frame_num_bits
    if lead_in is None:
        return Numbering([Numbered(Counts(i % num_space, _POC_STEP * i % poc_space), i == 0) for i in range(count)])
    key = sets.counts
    numbered = []
    for i in range(count):
        poc = key.poc_lsb - _POC_STEP * lead_in.distances[i]
        numbered.append(Numbered(Counts((key.frame_num - count + i) % num_space, poc % poc_space), idr=False))
    if not count or (count == 1 and lead_in.first_of_file):
        return Numbering(numbered, tuple(number.counts.frame_num for number in numbered))
    if count < 2:
        raise FormatUnsupported("the pictures before a seam are too few", "cut a little beside it")
    if numbered[1].counts.frame_num == 0:
        # Two reference pictures in a row must not have the same number: the last one is none, and the gap is gone.
        numbered = [
            Numbered(Counts((n.counts.frame_num + 1) % num_space, n.counts.poc_lsb), idr=False, ref=i < count - 1)
            for i, n in enumerate(numbered)
        ]
    gap = (numbered[1].counts.frame_num - 1) % num_space
    filled = min(gap, sets.sps.ref_frames)
    early = _POC_STEP * (filled + 1)
    held = lead_in.held
    if early + _POC_STEP * (lead_in.distances[0] - lead_in.distances[1]) >= poc_space // 2:
        # No room to keep what a decoder fills the gap with below all that is shown: have it forgotten.
        early, held = 0, frozenset()
    first = numbered[0].counts.poc_lsb - early
    numbered[0] = Numbered(Counts(0, first % poc_space), idr=True)
    return _with_drops(numbered, sets, held)


def _with_drops(numbered: list[Numbered], sets: SourceSets, held: frozenset[int] | None) -> Numbering:
    """Let each picture unmark what the source does not hold, so that the buffer at the keyframe is the source's.

    What the keyframe and its followers then unmark or let slide out is what they did in the source. With `held` None
    the newest are kept.
    """
    space = 1 << sets.sps.frame_num_bits
    most = max(sets.sps.ref_frames, 1)
    # Frame numbers counted back from the keyframe's, so that those of an earlier round are told apart.
    newest = range(1, most + 1)
    wanted = set(newest) if held is None else {(sets.counts.frame_num - number) % space for number in held}
    references = sum(number.ref for number in numbered)
    gap = (numbered[1].counts.frame_num - 1) % space
    buffer = list(range(references - 1 + min(gap, most), references - 1, -1))
    buffer = ([references if gap == 0 else _NEVER, *buffer])[-most:]
    dropping = [numbered[0]]
    back = references - 1
    for number in numbered[1:]:
        if not number.ref:
            dropping.append(number)
            continue
        gone = [distance for distance in buffer if distance not in wanted]
        kept = [distance for distance in buffer if distance in wanted]
        if len(kept) >= most:
            gone, kept = [*gone, kept[0]], kept[1:]
        drops = tuple((number.counts.frame_num - 1 if d == _NEVER else d - back - 1) % space for d in gone)
        dropping.append(replace(number, drops=drops or None))
        buffer = [*kept, back]
        back -= 1
    at_key = sets.counts.frame_num
    return Numbering(dropping, tuple((at_key - d) % space for d in buffer if d != _NEVER))
