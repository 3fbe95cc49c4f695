"""What pictures carry beside their samples stays with them through a cut: captions, AFD, HDR data, fields."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest
from av.sidedata.sidedata import Type
from hypothesis import given
from hypothesis import strategies as st
from tests.media.cut_checks import check_pictures, make_cut
from tests.media_factory import CLIPS, ClipCache, read_number
from tests.media_factory.carried import captions_of

from plexcut.media.cutting.carried import carried_nals, sei_messages, with_carried, with_picture_data_of
from plexcut.media.engine import Engine

_KINDS = ("A53_CC", "AFD", "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DYNAMIC_HDR_PLUS")


def _shown(path: Path) -> dict[int, tuple[Any, ...]]:
    """Of each frame, by its number: side data and what else the decoder says of it."""
    shown: dict[int, tuple[Any, ...]] = {}
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert isinstance(frame, av.VideoFrame)
            data = {kind: frame.side_data.get(Type[kind]) for kind in _KINDS}
            number = read_number(frame.to_ndarray(format="gray"))
            assert number is not None
            shown[number] = (
                {kind: bytes(found) for kind, found in data.items() if found is not None},
                (frame.interlaced_frame, frame.colorspace, frame.color_trc, frame.color_primaries, frame.color_range),
            )
    return shown


@pytest.mark.parametrize("start", range(3, 27, 4))
@pytest.mark.parametrize("name", ["h264_captions", "h264_mbaff_captions", "mpeg2_captions", "hevc_hdr"])
def test_side_data_stays_with_its_picture(clip_cache: ClipCache, tmp_path: Path, name: str, start: int) -> None:
    clip = clip_cache.get(CLIPS[name])
    source = _shown(clip.path)
    assert source[5][0]["A53_CC"] == captions_of(5)
    assert len(source[5][0]) == (5 if name == "hevc_hdr" else 2)
    cut = make_cut(Engine(None), clip, tmp_path, [(start, start + 9), (start + 11, start + 12), (start + 14, 58)])
    assert cut.result.frames_reencoded > 0
    assert _shown(cut.path) == {n: source[n] for n in cut.frames}


def _fields(path: Path) -> list[tuple[Any, ...]]:
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "json", "-show_entries"]
    command += ["frame=interlaced_frame,top_field_first,repeat_pict", str(path)]
    frames = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["frames"]
    return [(f["interlaced_frame"], f["top_field_first"], f["repeat_pict"]) for f in frames]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe")
@pytest.mark.parametrize(
    "name", ["mpeg2_pulldown", "mpeg2_interlaced_wrap", "mpeg2_captions", "h264_mbaff_tff", "h264_mbaff_bff"]
)
def test_fields_are_shown_as_in_the_source(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    clip = clip_cache.get(CLIPS[name])
    source = _fields(clip.path)
    cut = make_cut(Engine(None), clip, tmp_path, [(3, 21), (22, 23), (26, 47)])
    assert cut.result.frames_reencoded > 0
    assert _fields(cut.path) == [source[n] for n in cut.frames]
    check_pictures(cut)


@given(st.lists(st.tuples(st.sampled_from([4, 137, 300]), st.binary(max_size=600)), max_size=4), st.booleans())
def test_messages_come_out_as_they_went_in(messages: list[tuple[int, bytes]], hevc: bool) -> None:
    codec, header, coded = ("hevc", b"\x4e\x01", b"\x02\x01\x80") if hevc else ("h264", b"\x06", b"\x01\x80")
    nals = [nal for kind, payload in messages for nal in _sei(header, kind, payload)]
    assert [m for nal in nals for m in sei_messages(nal, len(header))] == messages
    carried = carried_nals(nals, (), codec)
    wanted = [(137, dict(messages)[137])] if 137 in dict(messages) else []
    wanted += [message for message in messages if message[0] == 4]
    assert [m for nal in carried for m in sei_messages(nal, len(header))] == wanted
    assert with_carried([coded], carried, codec) == [*carried, coded]


def _sei(header: bytes, kind: int, payload: bytes) -> list[bytes]:
    size = b"\xff" * (kind // 255) + bytes([kind % 255]) + b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    body, out = size + payload + b"\x80", bytearray(header)
    for byte in body:
        if byte <= 3 and out[-2:] == b"\x00\x00":
            out.append(3)
        out.append(byte)
    return [bytes(out)]


@given(st.binary(max_size=60), st.sampled_from(["h264", "hevc"]))
def test_damaged_messages_do_no_harm(data: bytes, codec: str) -> None:
    header = b"\x06" if codec == "h264" else b"\x4e\x01"
    sei_messages(header + data, len(header))
    carried_nals([header + data], [header + data], codec)
    with_picture_data_of(data, data)
