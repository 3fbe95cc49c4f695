"""What is fuzzed of the cut: whatever reads the bytes of pictures, sounds and subtitles to put them into a result."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from plexcut.errors import PlexcutError
from plexcut.media.bitstream import h264
from plexcut.media.bitstream.audio import split_audio, splits
from plexcut.media.cutting import carried, levels, mpeg2_join
from plexcut.media.cutting.cues import moved_cue
from plexcut.media.cutting.h264_numbers import LeadIn, Unfit, depth_below, number_run
from plexcut.media.cutting.h264_references import Buffer, coded_pictures, fitted_marking
from plexcut.media.cutting.h264_rewrite import fit, remarked
from plexcut.media.cutting.h264_sets import Counts, SourceSets, first_header, unit_nals, with_reordering
from plexcut.media.cutting.screens import DvbScreen, TeletextScreen
from plexcut.media.cutting.sound import SoundReader

AUDIO_CODECS = ("mp2", "mp3", "ac3", "eac3", "aac", "aac_latm")
_INDEX: Any = SimpleNamespace(video=SimpleNamespace(codec="h264", extradata=b""), container="mpegts")


def audio(data: bytes) -> None:
    """Frames are found in sound of any kind: one behind the other, the same ones in pieces as in one piece."""
    codec = AUDIO_CODECS[data[0] % len(AUDIO_CODECS)] if data else "mp2"
    es = data[1:]
    assert splits(codec)
    found = split_audio(codec, es)
    assert 0 <= found.consumed <= len(es)
    end = 0
    for frame in found.frames:
        assert frame.offset >= end
        assert frame.size > 0
        assert frame.sample_rate > 0
        assert frame.samples > 0
        end = frame.offset + frame.size
    assert end <= len(es)
    reader = SoundReader(codec, 90_000)
    last = None
    for at in range(0, len(es), 700):
        for run in reader.feed_runs(es[at : at + 700], [(0, 90 * at)] if at % 2_100 == 0 else []):
            assert len(run) > 0
            assert run.length > 0
            assert all(a < b for a, b in zip(run.edges, run.edges[1:], strict=False))
            assert last is None or isinstance(run.time, type(last))
            last = run.time


def slices(data: bytes) -> None:
    """Headers of H.264 slices: read to their end, followed, and written anew."""
    nals = unit_nals(data, _INDEX)
    sets = h264.ParameterSets()
    for nal in nals:
        if nal[0] & 31 in (h264.SPS, h264.PPS):
            sets.add(nal)
            with_reordering(nal, 2)
    coded_pictures(data, _INDEX, sets)
    header = first_header(nals, sets)
    if header is None:
        return
    kinds = (h264.SPS, h264.PPS)
    own = tuple(nal for nal in nals if nal[0] & 31 in kinds)
    source = SourceSets(own, True, sets.sps_of(header), Counts.of(header), frozenset(sets.pps))
    levels.h264_limit(source.sps)
    pictures = coded_pictures(data, _INDEX, sets)
    buffer = Buffer.of(source)
    for picture in pictures or ():
        buffer.take(picture)
        assert len(buffer.held) <= 2 * buffer.space
    if pictures:
        drops = fitted_marking(pictures, Buffer.of(source), frozenset({1, 2}))
        again = remarked(nals, source, drops)
        assert len(again) == len(nals)
    try:
        for count in (1, 2, 5):
            depth = min(max(depth_below(source, source.counts), 0), 64)
            numbering = number_run(count, source, LeadIn(3, depth, buffer.frames))
            assert len(numbering.numbers) == count
            assert all(0 <= n.counts.frame_num < 1 << source.sps.frame_num_bits for n in numbering.numbers)
            units = [[nal for nal in nals if nal[0] & 31 in (*kinds, h264.IDR)]] * count
            fit(units, numbering.numbers, source)
    except (Unfit, PlexcutError):
        pass


def messages(data: bytes) -> None:
    """What pictures carry: captions, field flags, HDR data; and sequence headers of MPEG-2."""
    nals = unit_nals(data, _INDEX)
    for codec in ("h264", "hevc"):
        for nal in nals:
            carried.sei_messages(nal, 1 if codec == "h264" else 2)
        kept = carried.carried_nals(nals, nals[:2], codec)
        carried.with_carried(nals, kept, codec)
    levels.hevc_limit(nals)
    levels.mpeg2_limit(data)
    carried.is_film(data)
    half = data[: len(data) // 2]
    carried.with_picture_data_of(data, half)
    mpeg2_join.is_mpeg1(data)
    mpeg2_join.is_progressive_sequence(data)
    mpeg2_join.with_sequence_of(data, half)
    mpeg2_join.without_sequence_end(data)


def subtitles(data: bytes) -> None:
    """Subtitles on the screen, and splice messages: what clears or moves them is well formed."""
    at = len(data) // 2
    teletext, bitmaps = TeletextScreen(), DvbScreen()
    for payload in (data[:at], data[at:], data):
        teletext.show(payload)
        bitmaps.show(payload)
    cleared = teletext.cleared()
    assert cleared is None or (45 + len(cleared)) % 184 == 0
    assert teletext.cleared() is None
    bitmaps.cleared()
    assert bitmaps.cleared() is None
    assert len(moved_cue(data, 1 << 34)) == len(data)
    assert moved_cue(moved_cue(data, 90_000), -90_000) == data
