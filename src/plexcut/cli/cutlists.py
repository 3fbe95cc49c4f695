"""`cutlist`, and `--list`: cut lists of other programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from plexcut.cli import files, output, spans
from plexcut.cli.options import Config, Json, Program, Recording
from plexcut.domain.cutlists import CUT_LIST_FORMATS, CutListFacts, CutListFormat
from plexcut.domain.media import Source
from plexcut.domain.spans import KeepList
from plexcut.domain.timecode import us_to_s
from plexcut.errors import FormatUnsupported, TargetExists, UsageError

if TYPE_CHECKING:
    from plexcut.media.engine import Engine
    from plexcut.plexdata.cutlists import ListedKeep

KeepOrList = Annotated[
    list[str] | None,
    typer.Option("--keep", metavar="A-B", help="A span to keep, end excluded; may be repeated.", show_default=False),
]
CutList = Annotated[
    Path | None,
    typer.Option(
        "--list",
        metavar="CUTLIST",
        help="Keep what a cut list says: EDL, comskip, VDR marks, enigma2 cuts, FFmetadata or OGM chapters, "
        "LosslessCut llc or csv.",
        show_default=False,
        readable=False,
    ),
]


def checked(keep: list[str] | None, listed: Path | None) -> None:
    """What can be said about `--keep` and `--list` before any file is looked at.

    Raises:
        SpanInvalid: there is neither, or a span cannot be read. UsageError: there are both.
    """
    if listed is None:
        spans.parse_keeps(keep or [])
    elif keep:
        raise UsageError("--keep and --list cannot go together", "give one of them")


def kept(engine: Engine, source: Source, keep: list[str] | None, listed: Path | None, program: int | None) -> KeepList:
    """The frames that `--keep` or `--list` keep.

    Raises:
        SpanInvalid, FileUnreadable, FormatUnsupported: about the spans, and about the cut list.
    """
    if listed is None:
        return engine.resolve_keep(source, spans.parse_keeps(keep or []), program)
    return _read(engine, source, listed, program).keep


def _read(engine: Engine, source: Source, listed: Path, program: int | None) -> ListedKeep:
    from plexcut import bootstrap
    from plexcut.plexdata.cutlists import listed_keep

    lists = bootstrap.cut_lists()
    facts = _facts(engine, source, program)
    data = lists.open(listed.expanduser())
    try:
        found = lists.read(data, facts)
    except FormatUnsupported as error:
        raise FormatUnsupported(f"{listed.name}: {error.message}", error.hint) from None
    for note in found.notes:
        output.note(note)
    return listed_keep(lambda wanted: engine.resolve_keep(source, wanted, program), found, facts)


def _facts(engine: Engine, source: Source, program: int | None) -> CutListFacts:
    from plexcut.plexdata.cutlists import list_facts

    return list_facts(source.name, engine.probe(source, program))


def cutlist(
    recording: Recording,
    keep: KeepOrList = None,
    listed: CutList = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT", help="The cut list to write.", show_default=False, readable=False
        ),
    ] = None,
    fmt: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(CUT_LIST_FORMATS),
            help="What to write; by default what the ending of OUT says, else edl.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing OUT.")] = False,
    program: Program = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read the cut list of another program, or write one.

    Shows what --keep or --list keeps of the recording; with -o it is written for another program to read.
    """
    from plexcut.cli.media import engine_for

    checked(keep, listed)
    wanted = _format(fmt, out)
    target = None if out is None else _target(out, overwrite=overwrite)
    source = files.source(recording)
    engine = engine_for(config, source, program)
    from plexcut import bootstrap
    from plexcut.plexdata.cutlists import ListedKeep, kept_spans

    if listed is None:
        found = ListedKeep(kept(engine, source, keep, None, program), ())
    else:
        found = _read(engine, source, listed, program)
    shown = kept_spans(engine, source, found.keep, found.labels)
    if target is not None:
        made = bootstrap.cut_lists().write(wanted, shown, _facts(engine, source, program))
        files.write_whole(target, made.data)
    if json:
        values = {
            "keep": [[us_to_s(span.start_us), us_to_s(span.end_us)] for span in shown],
            "keep_frames": [[span.start_frame, span.end_frame] for span in shown],
            "labels": [span.label for span in shown],
        }
        output.answer({**values, "format": wanted if target else None, "path": str(target) if target else None})
        return
    for span in shown:
        times = f"{us_to_s(span.start_us):.6f}-{us_to_s(span.end_us):.6f}"
        output.say(f"{times}  #{span.start_frame}-#{span.end_frame}  {span.label}".rstrip())
    if target is not None:
        output.say(f"written as {wanted}: {target}")


_ENDINGS: dict[str, CutListFormat] = {
    ".edl": "edl", ".txt": "comskip", ".cuts": "enigma2", ".llc": "llc", ".csv": "csv", ".ffmeta": "ffmetadata",
    ".ffmetadata": "ffmetadata", ".chapters": "ogm",
}  # fmt: skip


def _format(written: str | None, out: Path | None) -> CutListFormat:
    if written is not None:
        for known in get_args(CutListFormat):
            if written == known:
                return known  # type: ignore[no-any-return]
        raise UsageError(f"--format {written!r} is not possible", f"write one of {', '.join(CUT_LIST_FORMATS)}")
    if out is None:
        return "edl"
    if out.name == "marks":
        return "vdr"
    return "ogm" if out.name.lower().endswith(".chapters.txt") else _ENDINGS.get(out.suffix.lower(), "edl")


def _target(out: Path, *, overwrite: bool) -> Path:
    target = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - Path.resolve would follow links
    files.writable_folder(target)
    if os.path.lexists(target) and not overwrite:
        raise TargetExists(f"{target} exists already", "name another file, or give --overwrite")
    return target
