"""Audio frames: every codec's real streams, cut into odd pieces, damaged, and plain garbage."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plexcut.media.bitstream.audio import AudioFormat, AudioFrame, AudioSplit, frame_duration, split_audio

CODECS = ["mp1", "mp2", "mp3", "ac3", "eac3", "aac", "aac_latm"]


def encode(codec: str, rate: int, layout: str = "stereo") -> list[bytes]:
    """Half a second of noise over a tone, as the encoder's packets."""
    context = av.CodecContext.create(codec, "w")
    context.sample_rate = rate
    context.layout = layout
    context.format = context.codec.audio_formats[0].name
    context.bit_rate = 192_000 if rate >= 32000 else 96_000
    context.open()
    resampler = av.AudioResampler(format=context.format, layout=layout, rate=rate, frame_size=context.frame_size)
    time = np.arange(rate // 2)
    tone = 8000 * np.sin(time * 2 * np.pi * 440 / rate) + np.random.default_rng(1).normal(0, 500, time.size)
    channels = len(av.AudioLayout(layout).channels)
    frame = av.AudioFrame.from_ndarray(np.repeat(tone.astype(np.int16), channels)[None, :], format="s16", layout=layout)
    frame.sample_rate = rate
    packets = [p for f in [*resampler.resample(frame), *resampler.resample(None)] for p in context.encode(f)]
    return [bytes(p) for p in [*packets, *context.encode(None)] if p.size]


def with_adts(payloads: list[bytes], rate_index: int, blocks: int = 1) -> list[bytes]:
    frames = []
    for payload in payloads:
        size = len(payload) + 7
        frames.append(
            bytes([0xFF, 0xF1, 1 << 6 | rate_index << 2, 2 << 6 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 31])
            + bytes([0xFC | (blocks - 1)])
            + payload
        )
    return frames


def with_loas(payloads: list[bytes], config: str) -> list[bytes]:
    """LOAS frames; every third one carries the StreamMuxConfig given as bits, the others point back to it."""
    frames = []
    for n, payload in enumerate(payloads):
        bits = ("0" + config if n % 3 == 0 else "1") + "".join(f"{byte:08b}" for byte in payload)
        bits += "0" * (-len(bits) % 8)
        body = int(bits, 2).to_bytes(len(bits) // 8, "big")
        frames.append(bytes([0x56, 0xE0 | len(body) >> 8, len(body) & 0xFF]) + body)
    return frames


def loas_config(rate_index: int, *, short: int = 0, subframes: int = 1) -> str:
    mux = "0" + "1" + f"{subframes - 1:06b}" + "0000" + "000"
    return mux + "00010" + f"{rate_index:04b}" + "0010" + f"{short}00" + "000" + "1" * 8 + "00"


def eac3(stream_type: int, substream: int, size: int, blocks_code: int = 3) -> bytes:
    words = size // 2 - 1
    head = bytes([0x0B, 0x77, stream_type << 6 | substream << 3 | words >> 8, words & 0xFF, blocks_code << 4 | 2 << 1])
    return head + bytes([16 << 3]) + bytes(size - 6)


def streams() -> dict[str, tuple[str, list[bytes], int, int]]:
    """Name -> (codec, frames, samples, rate)."""
    aac = encode("aac", 48000)
    rng = random.Random(3)
    noise = [rng.randbytes(rng.randrange(100, 900)) for _ in range(40)]
    return {
        "mp2 48k": ("mp2", encode("mp2", 48000), 1152, 48000),
        "mp2 44.1k, padded": ("mp2", encode("mp2", 44100), 1152, 44100),
        "mp2 24k (MPEG-2)": ("mp2", encode("mp2", 24000), 1152, 24000),
        "ac3 5.1": ("ac3", encode("ac3", 48000, "5.1"), 1536, 48000),
        "ac3 44.1k": ("ac3", encode("ac3", 44100), 1536, 44100),
        "eac3": ("eac3", encode("eac3", 48000), 1536, 48000),
        "aac": ("aac", with_adts(aac, 3), 1024, 48000),
        "aac, two blocks": ("aac", with_adts(noise, 6, blocks=2), 2048, 24000),
        "latm": ("aac_latm", with_loas(aac, loas_config(3)), 1024, 48000),
        "latm 960": ("aac_latm", with_loas(noise, loas_config(4, short=1)), 960, 44100),
        "latm, two subframes": ("aac_latm", with_loas(noise, loas_config(3, subframes=2)), 2048, 48000),
        "eac3, one block": ("eac3", [eac3(0, 0, 200, 0)] * 30, 256, 48000),
        "eac3 7.1": ("eac3", [eac3(0, 0, 400) + eac3(1, 0, 300)] * 30, 1536, 48000),
        "ac3 with eac3 dependent": ("ac3", [f + eac3(1, 0, 300) for f in encode("ac3", 48000)], 1536, 48000),
    }


STREAMS = streams()


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> tuple[str, list[bytes], int, int]:
    return STREAMS[request.param]


def pieces(split: AudioSplit, es: bytes) -> list[bytes]:
    return [es[f.offset : f.offset + f.size] for f in split.frames]


def split_all(codec: str, chunks: list[bytes]) -> tuple[list[bytes], list[AudioFrame], bytes]:
    """All chunks one after the other, as a reader does."""
    rest, known = b"", None
    data, frames = [], []
    for chunk in chunks:
        es = rest + chunk
        split = split_audio(codec, es, known)
        data += pieces(split, es)
        frames += split.frames
        rest, known = es[split.consumed :], split.format
    return data, frames, rest


def test_every_frame_of_a_stream(stream: tuple[str, list[bytes], int, int]) -> None:
    codec, frames, samples, rate = stream
    es = b"".join(frames)
    split = split_audio(codec, es)
    assert pieces(split, es) == frames
    assert split.consumed == len(es)
    assert {(f.samples, f.sample_rate) for f in split.frames} == {(samples, rate)}
    assert split.format is not None
    assert (split.format.samples, split.format.sample_rate) == (samples, rate)
    assert frame_duration(split.frames[0]) == Fraction(samples, rate)


@pytest.mark.parametrize("chunk_bytes", [9, 188 - 14, 1000, 4096])
def test_pieces_of_any_size_give_the_same_frames(stream: tuple[str, list[bytes], int, int], chunk_bytes: int) -> None:
    codec, frames, samples, rate = stream
    es = b"".join(frames)
    split = split_audio(codec, es)
    if split.format and split.format.substreams > 1:
        chunk_bytes = max(chunk_bytes, 1000)
    data, found, rest = split_all(codec, [es[i : i + chunk_bytes] for i in range(0, len(es), chunk_bytes)])
    assert data == frames
    assert {(f.samples, f.sample_rate) for f in found} == {(samples, rate)}
    assert rest == b""


def test_the_beginning_of_a_frame_is_left(stream: tuple[str, list[bytes], int, int]) -> None:
    codec, frames, _, _ = stream
    for kept in (1, 2, 5, len(frames[5]) - 1):
        es = b"".join(frames[:5]) + frames[5][:kept]
        split = split_audio(codec, es)
        assert pieces(split, es) == frames[:5]
        assert es[split.consumed :] == frames[5][:kept]


def test_junk_between_frames_is_skipped(stream: tuple[str, list[bytes], int, int]) -> None:
    codec, frames, _, _ = stream
    es = b"\x00\xff\x0b\x56" * 20 + b"".join(frames[:6]) + b"\x00\x47\x11" * 25 + b"".join(frames[6:])
    assert pieces(split_audio(codec, es), es) == frames


def test_a_frame_that_lost_its_middle_is_left_out_and_nothing_else(stream: tuple[str, list[bytes], int, int]) -> None:
    codec, frames, _, _ = stream
    hurt = frames[6][:50] + frames[6][90:]
    es = b"".join(frames[:6]) + hurt + b"".join(frames[7:])
    found = pieces(split_audio(codec, es), es)
    assert set(found) <= set(frames)
    assert found[:5] == frames[:5]
    assert found[-len(frames) + 7 :] == frames[7:]


def test_entry_in_the_middle_of_a_frame(stream: tuple[str, list[bytes], int, int]) -> None:
    codec, frames, _, rate = stream
    es = frames[1][len(frames[1]) // 2 :] + b"".join(frames[2:])
    split = split_audio(codec, es)
    assert pieces(split, es)[-len(frames) + 2 :] == frames[2:]
    assert {f.sample_rate for f in split.frames} == {rate}


def test_a_frame_waits_for_its_dependent_substream() -> None:
    frame = eac3(0, 0, 400) + eac3(1, 0, 300)
    es = frame * 2 + frame[:400]
    split = split_audio("eac3", es)
    assert pieces(split, es) == [frame] * 2
    assert split.consumed == 1400
    assert split.format == AudioFormat("eac3", 48000, 1536, 2)
    # Still so when the next data hold no other frame to compare with.
    assert split_audio("eac3", frame[:400], split.format).frames == []
    assert split_audio("eac3", frame, split.format).frames == [AudioFrame(0, 700, 1536, 48000)]


def test_a_second_programme_in_eac3_belongs_to_the_frame_it_sounds_with() -> None:
    frame = eac3(0, 0, 400) + eac3(1, 0, 300) + eac3(0, 1, 200)
    assert [f.size for f in split_audio("eac3", frame * 3).frames] == [900, 900, 900]


def test_latm_rate_is_remembered_from_piece_to_piece() -> None:
    frames = with_loas([bytes([n] * 50) for n in range(3)], loas_config(6))
    first = split_audio("aac_latm", frames[0])
    assert [f.sample_rate for f in first.frames] == [24000]
    assert [f.sample_rate for f in split_audio("aac_latm", frames[1] + frames[2], first.format).frames] == [24000] * 2


def test_real_recordings_give_the_frames_that_ffmpeg_finds(real_media_dir: Path) -> None:
    seen: dict[str, int] = {}
    for path in sorted(real_media_dir.glob("*.ts")):
        for codec, packets in demuxed_audio(path).values():
            if not packets:
                continue
            data, frames, rest = split_all(codec, packets)
            expected = [p for p in packets if split_audio(codec, p).frames]
            # Where packets were lost, FFmpeg glues the remains of a frame to a whole one.
            assert abs(len(data) - len(expected)) <= max(2, len(expected) // 50), path.name
            assert len(set(data) & set(expected)) >= 0.9 * len(set(expected)) - 2, path.name
            assert len(rest) < 5000
            assert all(8000 <= f.sample_rate <= 96000 for f in frames)
            seen[codec] = seen.get(codec, 0) + len(data)
    assert {"mp2", "ac3", "eac3", "aac"} <= {codec for codec, count in seen.items() if count > 50}


def demuxed_audio(path: Path) -> dict[int, tuple[str, list[bytes]]]:
    """Stream index -> (codec, its packets), as FFmpeg's demuxer and parsers hand them out."""
    found: dict[int, tuple[str, list[bytes]]] = {}
    with av.open(str(path)) as container:
        streams = [s for s in container.streams.audio if s.codec_context]
        for packet in container.demux(streams) if streams else []:
            codec = packet.stream.codec_context.name
            if packet.size and codec in [*CODECS, "mp3float"]:
                found.setdefault(packet.stream.index, (codec, []))[1].append(bytes(packet))
    return found


def test_unknown_codec_is_refused() -> None:
    with pytest.raises(ValueError, match="dts"):
        split_audio("dts", b"")


def check_sane(split: AudioSplit, es: bytes) -> None:
    assert 0 <= split.consumed <= len(es)
    assert len(es) - split.consumed <= 40_000
    assert all(f.size > 0 and f.samples > 0 and f.sample_rate > 0 for f in split.frames)
    assert all(a.offset + a.size <= b.offset for a, b in pairwise(split.frames))
    assert not split.frames or split.frames[-1].offset + split.frames[-1].size <= split.consumed


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=60, deadline=None)
@given(data=st.lists(st.one_of(st.sampled_from([b"\xff\xfd", b"\xff\xf1", b"\x0bw", b"V\xe0", b"\x00"]), st.binary())))
def test_garbage_never_raises(codec: str, data: list[bytes]) -> None:
    es = b"".join(data)
    check_sane(split_audio(codec, es), es)


@pytest.mark.parametrize("codec", CODECS)
def test_long_garbage_ends(codec: str) -> None:
    es = random.Random(codec).randbytes(300_000)
    check_sane(split_audio(codec, es), es)
    for filler in (b"\xff", b"\x0b\x77", b"\x56\xe0\x01", b"\xff\xfd\x10", b"\xff\xf1\x4c\x80\x01\x00"):
        es = filler * 20_000
        check_sane(split_audio(codec, es), es)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(STREAMS)), seed=st.integers(0, 10_000))
def test_damage_anywhere_never_raises(name: str, seed: int) -> None:
    codec, frames, _, _ = STREAMS[name]
    rng = random.Random(seed)
    es = bytearray(b"".join(frames))
    for _ in range(rng.randrange(1, 20)):
        at = rng.randrange(len(es))
        if rng.random() < 0.5:
            es[at] ^= 1 << rng.randrange(8)
        else:
            del es[at : at + rng.randrange(1, 200)]
    check_sane(split_audio(codec, bytes(es)), bytes(es))
