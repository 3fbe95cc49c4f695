"""The packets of other streams around a span of an MP4, MKV, ... file."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.container

from plexcut.domain.media import Source
from plexcut.errors import FileUnreadable
from plexcut.media.cutting.schedule import SpanTimes
from plexcut.media.cutting.tracks import Track
from plexcut.media.index.container import open_container

LEAD_S = 2
"""How far around a picture the sound and subtitles that belong to it may lie in a file."""
_CAPTION_LEAD_S = 30
_MOST_AHEAD = 10_000

Nearby = tuple[Fraction, tuple[Track, "av.Packet[Any]"]]
"""A packet with its track, and its time in seconds of the source."""


def packets_around(
    source: tuple[Source, av.container.InputContainer], tracks: dict[int, Track], span: SpanTimes, base: Fraction
) -> Iterator[Nearby]:
    """Packets of some streams around a span, in file order; `base` is the time base of the span, in seconds.

    A seek is not believed: where the first sound that comes lies behind the span's start, as in files that end too soon
    and so have no table of what is where, all is read from the file's beginning.

    Raises:
        FileUnreadable: the source cannot be read.
    """
    if not tracks:
        return
    for track in tracks.values():
        if track.captions is not None:
            track.captions.begin(span)
    path, container = source
    start_s, end_s = span.start * base, span.end * base
    lead_s = _CAPTION_LEAD_S if any(track.captions for track in tracks.values()) else 3 * LEAD_S
    # Damaged files cannot always be sought in.
    with contextlib.suppress(av.FFmpegError):
        container.seek(int((start_s - lead_s) * 1_000_000), backward=True)
    found = _until(container, tracks, end_s + 2 * LEAD_S)
    sounds = {number for number, track in tracks.items() if track.sound is not None}
    if not sounds:
        yield from found
        return
    first = list(itertools.islice(_to_first(found, sounds), _MOST_AHEAD))
    if first and first[-1][1][1].stream_index in sounds and first[-1][0] <= start_s:
        yield from itertools.chain(first, found)
        return
    with open_container(path) as anew:
        yield from _until(anew, tracks, end_s + 2 * LEAD_S)


def _to_first(found: Iterator[Nearby], sounds: set[int]) -> Iterator[Nearby]:
    """Up to the first packet of some streams, and that one."""
    for each in found:
        yield each
        if each[1][1].stream_index in sounds:
            return


def _until(container: av.container.InputContainer, tracks: dict[int, Track], last_s: Fraction) -> Iterator[Nearby]:
    """From where a container stands until all streams are past a time."""
    finished: set[int] = set()
    try:
        for packet in container.demux([container.streams[number] for number in tracks]):
            time = packet.pts if packet.pts is not None else packet.dts
            if packet.size == 0 or packet.is_discard or time is None or packet.time_base is None:
                continue
            at = time * packet.time_base
            if at > last_s:
                finished.add(packet.stream_index)
                if len(finished) == len(tracks):
                    return
                continue
            yield Fraction(at), (tracks[packet.stream_index], packet)
    except (av.FFmpegError, EOFError) as error:
        raise FileUnreadable(f"the recording cannot be read: {error}") from None
