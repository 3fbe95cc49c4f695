"""Which pictures of a result have the bytes of the source's, when all there is are the two files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from plexcut.domain.media import Source
from plexcut.domain.spans import KeepList
from plexcut.media.cutting.payloads import CodedPictures
from plexcut.media.cutting.sample_form import essence, of_one_form
from plexcut.media.index.blocks import packet_blocks
from plexcut.media.index.model import MediaIndex
from plexcut.media.index.packets import find_layout, pid_of
from plexcut.media.sources import open_source
from plexcut.media.units import open_units

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_CHUNK_BYTES = 4 << 20


def altered_frames(source: tuple[Source, MediaIndex], result: tuple[Path, MediaIndex], keep: KeepList) -> I64:
    """The kept frames of the source whose coded picture is another one in the result, in whatever form it holds them.

    Raises:
        FileUnreadable: one of the files is gone.
    """
    theirs, ours = source[1], result[1]
    kept = np.concatenate([np.arange(span.start, span.end) for span in keep])
    rows = theirs.display[kept]
    bare = not (theirs.container == ours.container == "mpegts" or of_one_form(theirs, ours))
    wanted = _digests((source[0], theirs), int(rows.min()), int(rows.max()) + 1, bare=bare)[rows]
    found = _digests((result[0], ours), 0, ours.pts.size, bare=bare)[ours.display]
    altered: I64 = kept[(wanted != found) | (found == 0)]
    return altered


def may_be_altered(index: MediaIndex, keep: KeepList) -> frozenset[int]:
    """Frames that an exact cut may have encoded anew, or whose keyframe may have got parameter sets in front.

    From the beginning of a span to the second keyframe that is shown in it, and from the last one that is shown before
    its end.
    """
    shown_keys = np.sort(index.number_of[index.keys])
    shown_keys = shown_keys[shown_keys >= 0]
    frames: set[int] = set()
    for span in keep:
        behind = shown_keys[shown_keys >= span.start]
        head = int(behind[1]) + 1 if behind.size > 1 else span.end
        before = shown_keys[shown_keys < span.end]
        tail = int(before[-1]) if before.size else span.start
        frames.update(range(span.start, min(head, span.end)))
        frames.update(range(max(tail, span.start), span.end))
    return frozenset(frames)


def _digests(file: tuple[Source, MediaIndex], first: int, end: int, *, bare: bool) -> U64:
    """A hash of each row's coded picture less the zeros around it, `(rows,)`; 0 outside `[first, end)`.

    `bare`: of what is the same in every form.
    """
    path, index = file
    digests = np.zeros(index.pts.size, np.uint64)
    if bare or index.container != "mpegts":
        with open_units(path, index) as reader:
            for row, unit in enumerate(reader.read(first, end), first):
                digests[row] = _digest(essence(index, b"".join(unit)) if bare else b"".join(unit))
        return digests
    row, size = first, index.size_bytes
    last = int(index.at[end]) + 1 if end < index.at.size else size
    coded = CodedPictures(index)
    with open_source(path) as stream:
        layout = find_layout(stream.read(1 << 18))
        if layout is None:
            return digests
        for block in packet_blocks(stream, layout, (int(index.at[first]), last), size, _CHUNK_BYTES):
            heads = block.heads()
            mine = np.flatnonzero(pid_of(heads) == index.video.id)
            coded.feed(block, mine, heads[mine], row)
            while row < end and (data := coded.take(row)) is not None:
                digests[row] = _digest(bytes(data))
                row += 1
    return digests


def _digest(data: bytes) -> int:
    return xxhash.xxh3_64_intdigest(data.strip(b"\x00"))
