"""The formats behind one face, and cut lists that lie beside a recording."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from plexcut.cutlists import chapters, lines, projects
from plexcut.domain.cutlists import (
    MAX_CUT_LIST_BYTES,
    CutListFacts,
    CutListFormat,
    FoundCutList,
    KeptSpan,
    ReadCutList,
    WrittenCutList,
    names_beside,
)
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import FileUnreadable, FormatUnsupported, PlexcutError, UsageError

_KNOWN = "known are EDL, comskip, VDR marks, enigma2 cuts, FFmetadata and OGM chapters, LosslessCut llc and csv"

_ANY = CutListFacts("", 1 << 40, Fraction(25), 1e9)
"""A recording that any list fits, for telling whether a file is one."""

Reader = Callable[[str, CutListFacts], ReadCutList]

_TEXTS: tuple[tuple[Callable[[str], bool], Reader], ...] = (
    (chapters.is_ffmetadata, lambda text, _facts: chapters.read_ffmetadata(text)),
    (lines.is_comskip, lines.read_comskip),
    (projects.is_llc, lambda text, _facts: projects.read_llc(text)),
    (chapters.is_ogm, lambda text, _facts: chapters.read_ogm(text)),
    (lines.is_vdr, lines.read_vdr),
    (lines.is_edl, lambda text, _facts: lines.read_edl(text)),
    (lines.is_csv, lambda text, _facts: lines.read_csv(text)),
)

_NAMES: dict[CutListFormat, tuple[str, str]] = {
    "edl": ("{stem}.edl", "text/plain"),
    "comskip": ("{stem}.txt", "text/plain"),
    "vdr": ("marks", "text/plain"),
    "enigma2": ("{name}.cuts", "application/octet-stream"),
    "ffmetadata": ("{stem}.ffmeta", "text/plain"),
    "ogm": ("{stem}.chapters.txt", "text/plain"),
    "llc": ("{stem}-proj.llc", "application/json"),
    "csv": ("{stem}.csv", "text/csv"),
}


class CutListFiles:
    """`CutLists`; holds nothing."""

    def read(self, data: bytes, facts: CutListFacts) -> ReadCutList:
        if len(data) > MAX_CUT_LIST_BYTES:
            raise FormatUnsupported(f"a file of {len(data) >> 10} kB is no cut list", _KNOWN)
        found = self._read(data, facts)
        if not found.spans:
            raise FormatUnsupported("the cut list is empty", "it names no span")
        return found

    def _read(self, data: bytes, facts: CutListFacts) -> ReadCutList:
        if projects.is_enigma2(data):
            return projects.read_enigma2(data)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        for is_it, read in _TEXTS:
            if is_it(text):
                return read(text, facts)
        raise FormatUnsupported("this is no cut list that plexcut knows", _KNOWN)

    def removes(self, data: bytes, formats: tuple[CutListFormat, ...]) -> bool:
        try:
            found = self.read(data, _ANY)
        except PlexcutError:
            return False
        if found.format not in formats:
            return False
        first = found.spans[0]
        whole = (
            first.kept and len(found.spans) == 1 and first.start in {Fraction(0), FrameNumber(0)} and first.end is None
        )
        return not whole

    def write(self, fmt: CutListFormat, kept: tuple[KeptSpan, ...], facts: CutListFacts) -> WrittenCutList:
        removed = _removed(kept, facts)
        writers: dict[CutListFormat, Callable[[], str | bytes]] = {
            "edl": lambda: lines.write_edl(removed),
            "comskip": lambda: lines.write_comskip(removed, facts),
            "vdr": lambda: lines.write_vdr(kept, facts),
            "enigma2": lambda: projects.write_enigma2(kept),
            "ffmetadata": lambda: chapters.write_ffmetadata(kept, removed),
            "ogm": lambda: chapters.write_ogm(kept, removed),
            "llc": lambda: projects.write_llc(kept, facts),
            "csv": lambda: lines.write_csv(kept),
        }
        if fmt not in writers:
            raise UsageError(f"{fmt!r} is no format of cut lists", f"possible is {', '.join(writers)}")
        data = writers[fmt]()
        pattern, media_type = _NAMES[fmt]
        stem = facts.name.rpartition(".")[0] or facts.name
        name = pattern.format(stem=stem, name=facts.name)
        return WrittenCutList(fmt, name, media_type, data if isinstance(data, bytes) else data.encode())

    def open(self, path: Path) -> bytes:
        try:
            if path.stat().st_size > MAX_CUT_LIST_BYTES:
                raise FormatUnsupported(f"{path.name} is no cut list: it is too large", _KNOWN)
            return path.read_bytes()
        except (FormatUnsupported, FileUnreadable):
            raise
        except OSError as error:
            raise FileUnreadable(f"{path} cannot be read: {error.strerror or error}") from None

    def beside(self, recording: Path) -> tuple[FoundCutList, ...]:
        found = []
        for name, formats in names_beside(recording.name, recording.parent.name):
            path = recording.with_name(name)
            try:
                if path.is_file() and path.stat().st_size <= MAX_CUT_LIST_BYTES:
                    found.append(FoundCutList(path.name, path.read_bytes(), formats))
            except OSError:
                continue
        return tuple(found)


def _removed(kept: tuple[KeptSpan, ...], facts: CutListFacts) -> tuple[KeptSpan, ...]:
    """What lies between the kept spans, in front and behind."""
    end_us = round(facts.duration_s * 1_000_000)
    removed, frame, time_us = [], 0, 0
    for span in kept:
        if span.start_frame > frame:
            removed.append(KeptSpan(frame, span.start_frame, time_us, span.start_us))
        frame, time_us = span.end_frame, span.end_us
    if frame < facts.frames:
        removed.append(KeptSpan(frame, facts.frames, time_us, end_us))
    return tuple(removed)
