"""The counters of re-encoded H.264 pictures, so that they lead into the copied keyframe behind them (ISO 14496-10).

A broadcast's keyframes are hardly ever IDR pictures, so two counters run on across a seam. A decoder derives the
picture order count (POC, 8.2.1) of a copied keyframe from the picture before it: where that does not fit, pictures are
dropped or put out of order without a warning. And where the frame number (7.4.3) has a gap, decoders fill it with
pictures of their own, which end up in the reference lists of what follows.

So an IDR in front resets the decoder, and the pictures behind it carry the counts that lead into the keyframe. Leading
pictures that later ones count on are stood in for by intra pictures with the same numbers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from plexcut.errors import FormatUnsupported
from plexcut.media.cutting.h264_references import Buffer, CodedPicture
from plexcut.media.cutting.h264_sets import Counts, SourceSets

_POC_STEP = 2


class Unfit(FormatUnsupported):
    """No numbers lead into the keyframe of `row`; it must be re-encoded."""

    def __init__(self, row: int) -> None:
        super().__init__("the pictures before a seam cannot lead into it", "cut a little beside it")
        self.row = row


@dataclass(frozen=True, slots=True)
class Numbered:
    """How a re-encoded picture is to be numbered.

    `drops`: reference pictures that it unmarks, by how far their frame numbers lie before its own; None lets the oldest
    slide out.
    """

    counts: Counts
    idr: bool
    drops: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class LeadIn:
    """What a run of re-encoded pictures leads into: the keyframe of `row`.

    `depth`: how far below the keyframe's picture order count the lowest stand-in's lies. `held`: frame numbers of the
    source's reference pictures when it decodes the keyframe, None where that is not known. `in_fields`: it is coded as
    two.
    """

    row: int
    depth: int
    held: frozenset[int] | None
    in_fields: bool = False


@dataclass(frozen=True, slots=True)
class Numbering:
    """Numbers for the pictures of a run; `intra`: those that can refer to none before them.

    `buffer`: the references held behind it, when the keyframe is decoded; `held` which frames of them are to be.
    """

    numbers: list[Numbered]
    buffer: Buffer
    intra: frozenset[int] = frozenset({0})
    held: frozenset[int] | None = None


def number_run(count: int, sets: SourceSets, lead_in: LeadIn | None) -> Numbering:
    """Numbers for `count` re-encoded pictures in display order.

    `lead_in` None: what follows, if anything, resets the counters by itself.

    Raises:
        Unfit: there are no such numbers.
    """
    space = 1 << sets.sps.frame_num_bits
    if lead_in is None:
        counts = [_order(sets, Counts(i % space, 0), _POC_STEP * i, i // space) for i in range(count)]
        return Numbering([Numbered(c, i == 0) for i, c in enumerate(counts)], Buffer.of(sets))
    frame_nums = _frame_nums(count, sets, lead_in)
    key = sets.counts.frame_num
    gap = next(i for i in range(count) if (_next(frame_nums, i, key) - frame_nums[i]) % space != 1 or i == count - 1)
    missing = (_next(frame_nums, gap, key) - frame_nums[gap] - 1) % space
    if missing and gap == count - 1 and lead_in.in_fields:
        # FFmpeg fills it with fields then.
        raise Unfit(lead_in.row)
    # What a decoder fills the gap with is kept below all that is shown behind it.
    early, held = _POC_STEP * min(missing, sets.sps.ref_frames), lead_in.held
    room = _half_the_orders(sets)
    if lead_in.depth + _POC_STEP >= room:
        raise Unfit(lead_in.row)
    across = _POC_STEP if gap < count - 1 else _POC_STEP + lead_in.depth
    if early + across >= room:
        # No room for that: have it forgotten.
        early, held = 0, frozenset()
    era = list(itertools.accumulate((b < a for a, b in itertools.pairwise((*frame_nums, key))), initial=0))
    numbers: list[Numbered] = []
    for i, frame_num in enumerate(frame_nums):
        below = lead_in.depth + _POC_STEP * (count - i) + (early if i <= gap else 0)
        order = _key_order(sets, era[-1]) - below
        numbers.append(Numbered(_order(sets, Counts(frame_num, 0), order, era[i]), i == 0))
    intra = frozenset({0, 1, gap + 1}) & frozenset(range(count))
    return replace(_with_drops(numbers, sets, held), intra=intra, held=held)


def depth_below(sets: SourceSets, counts: Counts) -> int:
    """How far below the keyframe's picture order count that of a picture behind it lies, which is shown before it."""
    if sets.sps.poc_type == 0:
        return (sets.counts.poc_lsb - counts.poc_lsb) % (1 << max(sets.sps.poc_lsb_bits, 4))
    era = int(counts.frame_num < sets.counts.frame_num)
    return _key_order(sets, 0) - _expected(sets, counts.frame_num, era) - counts.deltas[0]


def _next(frame_nums: list[int], i: int, key: int) -> int:
    return frame_nums[i + 1] if i + 1 < len(frame_nums) else key


def _frame_nums(count: int, sets: SourceSets, lead_in: LeadIn) -> list[int]:
    """0 for the IDR picture, then up to the keyframe's, with a gap in between."""
    space, key = 1 << sets.sps.frame_num_bits, sets.counts.frame_num
    numbers = [0, *((key - count + i) % space for i in range(1, count))]
    if count == 1 and key == 0:
        raise Unfit(lead_in.row)
    if count > 1 and numbers[1] == 0:
        # Two reference pictures in a row must not have the same number: once around, so that the gap is there all the
        # same.
        numbers[1] = space - 1 - max(sets.sps.ref_frames, 1)
        if numbers[1] <= 0:
            raise Unfit(lead_in.row)
    return numbers


def _with_drops(numbers: list[Numbered], sets: SourceSets, held: frozenset[int] | None) -> Numbering:
    """Let each picture unmark what the source does not hold, so that the buffer at the keyframe is the source's.

    What the keyframe and its followers then unmark or let slide out is what they did in the source. With `held` None
    the newest are kept.
    """
    key = sets.counts.frame_num
    buffer = Buffer.of(sets)
    space = buffer.space
    wanted = {(key - back) % space for back in range(1, buffer.most + 1)} if held is None else held
    dropping: list[Numbered] = []
    before = 0
    behind = [number.counts.frame_num for number in numbers[1:]] + [key]
    # A number that comes again, once around, is not the one that the source holds.
    again: list[frozenset[int]] = [frozenset()]
    for later, now in itertools.pairwise(reversed([0, *behind])):
        again.append(again[-1] | {(now + 1 + i) % space for i in range((later - now) % space)})
    again.reverse()
    for i, number in enumerate(numbers):
        now = number.counts.frame_num
        if i:
            buffer.fill(before, now)
        before = now
        if number.idr:
            dropping.append(number)
            buffer.take(CodedPicture(now, idr=True))
            continue
        gone = [n for n, _ in buffer.held if n not in wanted or n in again[i]]
        kept = [n for n, _ in buffer.held if n not in gone]
        if len(kept) >= buffer.most:
            gone.append(kept[0])
        drops = tuple((now - n - 1) % space for n in gone)
        dropping.append(replace(number, drops=drops or None))
        buffer.take(CodedPicture(now, drops=drops or None))
    buffer.fill(before, key)
    return Numbering(dropping, buffer)


# ---------------------------------------------------------------------------------------------------------- order


def _half_the_orders(sets: SourceSets) -> int:
    """How far two pictures' order counts may be apart."""
    return 1 << (sets.sps.poc_lsb_bits - 1) if sets.sps.poc_type == 0 else 1 << 30


def _key_order(sets: SourceSets, era: int) -> int:
    """The keyframe's picture order count; `era`: how often frame numbers began anew since the IDR picture."""
    if sets.sps.poc_type == 0:
        return sets.counts.poc_lsb
    return _expected(sets, sets.counts.frame_num, era) + sets.counts.deltas[0]


def _expected(sets: SourceSets, frame_num: int, era: int) -> int:
    """The order count of a reference picture by its number alone (8.2.1.2, 8.2.1.3)."""
    counted = (era << sets.sps.frame_num_bits) + frame_num
    if sets.sps.poc_type != 1:
        return 2 * counted
    cycle = sets.sps.poc_cycle
    if not cycle or not counted:
        return 0
    rounds, rest = divmod(counted - 1, len(cycle))
    return rounds * sum(cycle) + sum(cycle[: rest + 1])


def _order(sets: SourceSets, counts: Counts, order: int, era: int) -> Counts:
    """`counts` with what tells a picture's order count, as far as the stream has words for it."""
    if sets.sps.poc_type == 0:
        return replace(counts, poc_lsb=order % (1 << max(sets.sps.poc_lsb_bits, 4)))
    if sets.sps.poc_type == 1 and not sets.sps.delta_always_zero:
        return replace(counts, deltas=(order - _expected(sets, counts.frame_num, era), 0))
    return counts
