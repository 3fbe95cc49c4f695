"""Cut lists of other programs: as these write them, and there and back through every format."""

from __future__ import annotations

import contextlib
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexcut.cutlists import CutListFiles
from plexcut.domain.cutlists import CUT_LIST_FORMATS, CutListFacts, CutListFormat, KeptSpan, ReadCutList
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.timecode import FrameNumber, Position
from plexcut.errors import FormatUnsupported

RATES = (Fraction(25), Fraction(50), Fraction(24), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(24000, 1001))
LISTS = CutListFiles()


def facts(frames: int = 10_000, fps: Fraction = Fraction(25)) -> CutListFacts:
    return CutListFacts("The Film.ts", frames, fps, float(frames / fps))


def time_us(frame: int, fps: Fraction) -> int:
    return int(frame / fps * 1_000_000)


def frame_of(position: Position | None, about: CutListFacts) -> int:
    """The first frame shown at or after a position, as the engine finds it."""
    if position is None:
        return about.frames
    if isinstance(position, FrameNumber):
        return min(position.n, about.frames)
    frame = max(int(position * about.fps) - 2, 0)
    while Fraction(time_us(frame, about.fps), 1_000_000) < position:
        frame += 1
    return min(frame, about.frames)


def kept(found: ReadCutList, about: CutListFacts) -> list[tuple[int, int]]:
    spans = KeepList.of(
        Span(frame_of(s.start, about), frame_of(s.end, about))
        for s in found.spans
        if frame_of(s.start, about) < frame_of(s.end, about)
    )
    spans = spans if found.spans[0].kept else spans.invert(about.frames)
    return [(span.start, span.end) for span in spans]


def read(text: str | bytes, about: CutListFacts | None = None) -> tuple[CutListFormat, list[tuple[int, int]]]:
    about = about or facts()
    found = LISTS.read(text if isinstance(text, bytes) else text.encode(), about)
    return found.format, kept(found, about)


@given(
    edges=st.lists(st.integers(0, 10_000), min_size=2, max_size=20, unique=True).filter(lambda e: len(e) % 2 == 0),
    fps=st.sampled_from(RATES),
    fmt=st.sampled_from(CUT_LIST_FORMATS),
)
def test_there_and_back(edges: list[int], fps: Fraction, fmt: CutListFormat) -> None:
    about = facts(fps=fps)
    edges = sorted(edges)
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    if spans == [(0, 10_000)]:
        return
    written = LISTS.write(
        fmt, tuple(KeptSpan(a, b, time_us(a, fps), time_us(b, fps), 'x, "y" = z;') for a, b in spans), about
    )
    assert read(written.data, about) == (fmt, spans)


def test_names_are_those_that_programs_look_for() -> None:
    span = (KeptSpan(0, 100, 0, 4_000_000),)
    names = {fmt: LISTS.write(fmt, span, facts()).name for fmt in CUT_LIST_FORMATS}
    assert names["edl"] == "The Film.edl"
    assert names["comskip"] == "The Film.txt"
    assert names["enigma2"] == "The Film.ts.cuts"
    assert names["vdr"] == "marks"
    assert names["llc"] == "The Film-proj.llc"


def test_edl_of_kodi_and_mplayer() -> None:
    text = "# made by hand\n0 10.00 3\n20.00\t30.00\t0\n00:01:00.000 00:01:10.5 3\n#2000 #2100 0\n50 55 1\n"
    assert read(text) == ("edl", [(250, 500), (750, 1500), (1763, 2000), (2100, 10_000)])
    assert LISTS.read(text.encode(), facts()).notes


def test_edl_rounded_to_hundredths() -> None:
    about = facts(fps=Fraction(60000, 1001))
    for frame in range(100, 2000, 7):
        text = f"{frame / 60000 * 1001:.2f}\t{(frame + 500) / 60000 * 1001:.2f}\t0\n"
        assert read(text, about)[1] == [(0, frame), (frame + 500, 10_000)]


def test_comskip() -> None:
    text = "FILE PROCESSING COMPLETE  10000 FRAMES AT  2500\n-------------------\n100\t500\n2000\t3000\n"
    assert read(text) == ("comskip", [(0, 100), (500, 2000), (3000, 10_000)])
    # Where it counted otherwise than we do, its frames are times.
    assert read(text, facts(frames=20_000, fps=Fraction(50)))[1] == [(0, 200), (1000, 4000), (6000, 20_000)]


def test_vdr_marks() -> None:
    text = "0:00:10.01 first\n0:00:20.13\n0:01:00.25 second part\n"
    assert read(text) == ("vdr", [(250, 512), (1524, 10_000)])
    assert [s.label for s in LISTS.read(text.encode(), facts()).spans] == ["first", "second part"]


def test_enigma2_cuts() -> None:
    def record(seconds: float, kind: int) -> bytes:
        return struct.pack(">QI", int(seconds * 90_000), kind)

    data = record(10, 0) + record(15, 2) + record(20, 1) + record(30, 0) + record(3, 3)
    assert read(data) == ("enigma2", [(250, 500), (750, 10_000)])
    assert read(record(20, 1) + record(30, 0))[1] == [(0, 500), (750, 10_000)]


def test_chapters() -> None:
    text = (
        ";FFMETADATA1\ntitle=Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=10000\ntitle=Intro\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=10000\nEND=20000\ntitle=Commercial 1\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=20000\nEND=400000\ntitle=Rest\n"
    )
    assert read(text) == ("ffmetadata", [(0, 250), (500, 10_000)])
    ogm = (
        "CHAPTER01=00:00:00.000\nCHAPTER01NAME=Intro\nCHAPTER02=00:00:10.000\nCHAPTER02NAME=Werbung\n"
        "CHAPTER03=00:00:20.000\nCHAPTER03NAME=Rest\n"
    )
    assert read(ogm) == ("ogm", [(0, 250), (500, 10_000)])


def test_losslesscut_projects_of_both_versions() -> None:
    first = (
        "{\n  version: 1,\n  mediaFileName: 'it\\'s.ts',\n  cutSegments: [\n"
        "    { start: 10, end: 20.04, name: 'A', },\n    { start: 30.5, name: '' },\n  ],\n}\n"
    )
    assert read(first) == ("llc", [(250, 501), (763, 10_000)])
    second = '{"version": 2, "cutSegments": [{"start": 10, "end": 20, "name": "A", "selected": false}, {"end": 4}]}'
    assert read(second) == ("llc", [(0, 100)])


def test_losslesscut_csv() -> None:
    assert read('10.0,20.04,A\n,5,\n30.5,,"B, b"\n') == ("csv", [(0, 125), (250, 501), (763, 10_000)])


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\x00" * 11, b"\xff\xd8\xff\xe0" * 9, b"{cutSegments: [", b"{cutSegments: 5}", b"1,2,3\nx,y,z\n",
     b"{cutSegments: [{start: 'now'}]}", b"[" * 5000 + b"cutSegments", b"{cutSegments:" + b"[" * 5000,
     b";FFMETADATA1\n",
     b";FFMETADATA1\n[CHAPTER]\nSTART=1\n", b"FILE PROCESSING COMPLETE 5 FRAMES AT 2500\n---\nx y\n", b"a" * (2 << 20)],
)  # fmt: skip
def test_what_is_none_is_said_in_one_line(data: bytes) -> None:
    with pytest.raises(FormatUnsupported) as failure:
        LISTS.read(data, facts())
    assert "\n" not in failure.value.message


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with contextlib.suppress(FormatUnsupported):
        LISTS.read(data, facts())
