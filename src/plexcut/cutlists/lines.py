"""Formats with a span or an edge in each line: MPlayer's EDL, comskip, VDR's marks, LosslessCut's CSV.

Sources: MPlayer's manual (edit decision lists) and Kodi's wiki for EDL (actions 0 cut, 1 mute, 2 scene, 3 commercial
break; times may be `HH:MM:SS.mmm` or `#frame`); comskip's own files; `HMSFToIndex` of VDR's recording.c for marks,
whose frames count from 1; LosslessCut's documentation of its import for CSV.
"""

from __future__ import annotations

import csv
import io
import re
from fractions import Fraction

from plexcut.cutlists.times import loose_time
from plexcut.domain.cutlists import CutListFacts, KeptSpan, ListedSpan, ReadCutList
from plexcut.domain.timecode import FrameNumber, Position
from plexcut.errors import FormatUnsupported

_COMSKIP_HEAD = re.compile(r"FILE PROCESSING COMPLETE\s+(\d+)\s+FRAMES(?:\s+AT\s+(\d+))?")
_MARK = re.compile(r"^(\d{1,4}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?(?:\s+(.*))?$")
_EDL_LINE = re.compile(r"^(\S+)[ \t]+(\S+)(?:[ \t]+(\d))?$")
_SAME_COUNT = 2
"""comskip counts the frames of a recording as plexcut does, give or take these: then its numbers are ours."""


def is_comskip(text: str) -> bool:
    """Whether comskip wrote it."""
    return _COMSKIP_HEAD.match(text) is not None


def read_comskip(text: str, facts: CutListFacts) -> ReadCutList:
    """What comskip found: pairs of frames, of commercials."""
    head = _COMSKIP_HEAD.match(text)
    assert head is not None
    counted, rate = int(head[1]), Fraction(int(head[2] or 0), 100)
    by_number = abs(counted - facts.frames) <= _SAME_COUNT or not rate

    def place(number: str) -> Position:
        return FrameNumber(int(number)) if by_number else Fraction(int(number)) / rate

    spans = []
    for line in text.splitlines()[1:]:
        if not line.strip() or not line.strip(" -"):
            continue
        words = line.split()
        if len(words) < 2 or not all(word.isdigit() and len(word) < 12 for word in words[:2]):
            raise FormatUnsupported(f"{line.strip()[:40]!r} is no line of comskip", "it should be two frame numbers")
        spans.append(ListedSpan(place(words[0]), place(words[1]), kept=False))
    return ReadCutList("comskip", tuple(spans))


def write_comskip(removed: tuple[KeptSpan, ...], facts: CutListFacts) -> str:
    """Pairs of frames, of what is removed."""
    head = f"FILE PROCESSING COMPLETE {facts.frames:6d} FRAMES AT {round(facts.fps * 100):5d}\n-------------------\n"
    return head + "".join(f"{span.start_frame}\t{span.end_frame}\n" for span in removed)


def is_edl(text: str) -> bool:
    """Whether each line is a span, with or without an action."""
    lines = _lines(text)
    return bool(lines) and all(_EDL_LINE.match(line) for line in lines)


def read_edl(text: str) -> ReadCutList:
    """Removed are what is to be cut (0) and commercial breaks (3); places to mute (1) and scenes (2) are left out."""
    spans, other = [], 0
    for line in _lines(text):
        found = _EDL_LINE.match(line)
        assert found is not None
        if (found[3] or "0") not in "03":
            other += 1
            continue
        spans.append(ListedSpan(_edl_place(found[1]), _edl_place(found[2]), kept=False))
    notes = (f"{other} lines that mute or mark scenes were left out",) if other else ()
    return ReadCutList("edl", tuple(spans), notes)


def _edl_place(text: str) -> Position:
    if text.startswith("#") and text[1:].isdigit() and len(text) < 12:
        return FrameNumber(int(text[1:]))
    return loose_time(text)


def write_edl(removed: tuple[KeptSpan, ...]) -> str:
    """A line for each span that is to be cut."""
    return "".join(f"{_seconds(span.start_us)}\t{_seconds(span.end_us)}\t0\n" for span in removed)


def is_vdr(text: str) -> bool:
    """Whether each line is a mark."""
    lines = _lines(text)
    return bool(lines) and all(_MARK.match(line) for line in lines)


def read_vdr(text: str, facts: CutListFacts) -> ReadCutList:
    """Marks by turns begin and end what is kept; the last one may have no end."""
    marks = []
    for line in _lines(text):
        found = _MARK.match(line)
        assert found is not None
        hours, minutes, seconds, frame, comment = found.groups()
        whole_s = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        marks.append((max(round(whole_s * facts.fps) + int(frame or 1) - 1, 0), comment or ""))
    marks.sort(key=lambda mark: mark[0])
    spans = []
    for i in range(0, len(marks), 2):
        end = FrameNumber(marks[i + 1][0]) if i + 1 < len(marks) else None
        spans.append(ListedSpan(FrameNumber(marks[i][0]), end, kept=True, label=marks[i][1]))
    return ReadCutList("vdr", tuple(spans))


def write_vdr(kept: tuple[KeptSpan, ...], facts: CutListFacts) -> str:
    """Where what is kept begins, and where it ends."""
    lines = []
    for span in kept:
        lines.append(f"{_mark(span.start_frame, facts.fps)}{' ' + span.label if span.label else ''}")
        if span.end_frame < facts.frames:
            lines.append(_mark(span.end_frame, facts.fps))
    return "".join(line + "\n" for line in lines)


def _mark(frame: int, fps: Fraction) -> str:
    """The time that VDR reads as this frame: it rounds whole seconds to frames, and adds the rest."""
    whole_s = int(frame / fps)
    while whole_s and round(whole_s * fps) > frame:
        whole_s -= 1
    rest = frame - round(whole_s * fps) + 1
    return f"{whole_s // 3600}:{whole_s // 60 % 60:02d}:{whole_s % 60:02d}.{rest:02d}"


def is_csv(text: str) -> bool:
    """Whether each row begins with two times."""
    rows = _rows(text)
    return bool(rows) and all(len(row) >= 2 and _is_time(row[0]) and _is_time(row[1]) for row in rows)


def read_csv(text: str) -> ReadCutList:
    """Rows of start, end and label, of what is kept; an empty start is the beginning, an empty end the end."""
    spans = []
    for row in _rows(text):
        start = loose_time(row[0]) if row[0].strip() else Fraction(0)
        end = loose_time(row[1]) if row[1].strip() else None
        spans.append(ListedSpan(start, end, kept=True, label=row[2].strip() if len(row) > 2 else ""))
    return ReadCutList("csv", tuple(spans))


def write_csv(kept: tuple[KeptSpan, ...]) -> str:
    """Rows of start, end and label."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for span in kept:
        writer.writerow([_seconds(span.start_us), _seconds(span.end_us), span.label])
    return out.getvalue()


def _rows(text: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    except csv.Error:
        return []


def _is_time(cell: str) -> bool:
    try:
        return not cell.strip() or loose_time(cell) is not None
    except FormatUnsupported:
        return False


def _lines(text: str) -> list[str]:
    """Lines that say something: neither empty nor a comment."""
    return [line.strip() for line in text.splitlines() if line.strip() and not re.match(r"#(?!\d)|;", line.strip())]


def _seconds(time_us: int) -> str:
    return f"{time_us // 1_000_000}.{time_us % 1_000_000:06d}"
