"""`probe`, `frame`, `plan`, `cut`, `verify`: the engine alone, in this process."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from plexcut import config
from plexcut.cli import cutlists, files, interrupts, logs, output, trash
from plexcut.cli.cutlists import CutList, KeepOrList
from plexcut.cli.options import Config, Json, LocalRecording, Mode, Program, Recording
from plexcut.domain.containers import CONTAINERS, NOT_WRITTEN, Container, named
from plexcut.domain.media import CUT_MODES, CutMode, CutRequest, PictureFormat, RecordingFacts, Source
from plexcut.domain.timecode import format_timecode, parse_position, us_to_s
from plexcut.errors import RecordingChanged, UsageError, VerificationFailed
from plexcut.jobs import temporary

if TYPE_CHECKING:
    from plexcut.media.engine import Engine

_LOOK_EVERY_S = 0.1


def probe(recording: Recording, program: Program = None, config: Config = None, json: Json = False) -> None:
    """Show what a recording holds."""
    source = files.source(recording)
    facts = engine_for(config, source, program).probe(source, program)
    if json:
        output.answer(dataclasses.asdict(facts))
        return
    _show_facts(source, facts)


def frame(
    recording: Recording,
    at: Annotated[str, typer.Argument(metavar="AT", help="A time, or #N for a frame number.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT.jpg|webp|png",
            help="The picture to write.",
            show_default=False,
            readable=False,
        ),
    ],
    width: Annotated[
        int | None, typer.Option(metavar="W", help="Width in pixels; full size by default.", min=16, max=4096)
    ] = None,
    program: Program = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write the exact frame that is shown at a time."""
    fmt = files.picture_format(out)
    position = parse_position(at)
    source = files.source(recording)
    target = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - Path.resolve would follow links
    if files.is_same_file(target, source):
        raise UsageError(f"{target} is the recording itself", "name another file")
    files.writable_folder(target)
    from plexcut.media.pictures import PictureWish

    wish = PictureWish(width, cast(PictureFormat, fmt), program)
    picture = engine_for(config, source, program).picture(source, position, wish)
    files.write_whole(target, picture.data)
    time_s = us_to_s(picture.time_us)
    if json:
        values = {"frame": picture.frame, "time_s": time_s, "width": picture.width, "height": picture.height}
        output.answer({**values, "path": str(target)})
    else:
        output.say(f"frame {picture.frame} at {time_s:.6f} s, {picture.width}x{picture.height}: {target}")


def plan(
    recording: Recording,
    keep: KeepOrList = None,
    listed: CutList = None,
    mode: Mode = None,
    program: Program = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what a cut would do."""
    cutlists.checked(keep, listed)
    checked = _mode(mode, config)
    source = files.source(recording)
    engine = engine_for(config, source, program)
    made = engine.plan(source, cutlists.kept(engine, source, keep, listed, program), checked, program)
    if json:
        output.answer(dataclasses.asdict(made))
        return
    output.say(
        f"{made.frames} frames, {_clock(made.duration_s)}: {made.frames_copied} copied, "
        f"{made.frames_reencoded} re-encoded, about {_size(made.bytes)}"
    )
    for span in made.spans:
        output.say(
            f"{_clock(span.start_s)}-{_clock(span.end_s)}: {span.head} re-encoded, {span.body} copied, "
            f"{span.tail} re-encoded"
        )
    for edge in made.snap:
        if edge.edge_frame not in (edge.before_frame, edge.after_frame):
            places = [_clock(at) for at in (edge.before_s, edge.after_s) if at is not None]
            output.say(f"  {edge.side} {_clock(edge.edge_s)}: a copy fits at {' or '.join(places) or 'no place near'}")
    for warning in made.warnings:
        output.say(f"note: {warning}")


def cut(
    recording: LocalRecording,
    keep: KeepOrList = None,
    listed: CutList = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="OUT", help="The result; '<name> cut.<ext>' by default.", readable=False
        ),
    ] = None,
    mode: Mode = None,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Put the result in the recording's place; `plexcut restore` brings it back."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing OUT.")] = False,
    container: Annotated[
        str | None,
        typer.Option(
            metavar="ts|mp4|mkv",
            help="What kind of file to write; by default what OUT is named after, else the recording's own.",
            show_default=False,
        ),
    ] = None,
    chapters: Annotated[bool, typer.Option("--chapters", help="Begin a chapter at each seam (MP4, MKV).")] = False,
    program: Program = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Cut a recording.

    The named spans are kept, in order, in a new file that is verified before it appears.
    """
    cutlists.checked(keep, listed)
    checked = _mode(mode, config)
    if in_place and (out is not None or overwrite):
        raise UsageError("--in-place names the place of the result already", "leave out -o and --overwrite")
    kind = _container(container, out)
    source = files.readable(recording)
    if out is not None and kind is None and out.suffix.lower() in NOT_WRITTEN - {source.suffix.lower()}:
        raise UsageError(f"{out} names a kind of file that plexcut does not write", "end it with .ts, .mp4 or .mkv")
    if in_place:
        source = source.resolve()
    if in_place and kind is not None:
        raise UsageError("--in-place keeps the recording's kind of file", "leave out --container")
    wish = trash.default_result(config, source, kind) if out is None and not in_place else out
    target = source if in_place else files.result_of_cut(source, wish, kind, overwrite=overwrite)
    engine = engine_for(config, source, program)
    fingerprint = engine.fingerprint(source)
    request = CutRequest(
        source=source,
        target=target,
        keep=cutlists.kept(engine, source, keep, listed, program),
        mode=checked,
        overwrite=overwrite and out is not None,
        fingerprint=fingerprint,
        program=program,
        container=kind,
        chapters=chapters,
    )
    temporary.remove_abandoned(target.parent)
    with interrupts.graceful() as should_cancel, output.progress("cutting") as on_progress:
        if in_place:
            work = trash.Work(
                cut=lambda order: engine.cut(order, on_progress, should_cancel),
                check_same=lambda: _check_same(engine, source, fingerprint),
                should_cancel=should_cancel,
            )
            result = trash.cut_in_place(config, request, work)
        else:
            result = engine.cut(request, on_progress, should_cancel)
    if json:
        output.answer(dataclasses.asdict(result))
        return
    output.say(
        f"{result.path}: {result.frames} frames, {_clock(result.duration_s)}, {_size(result.bytes)}; "
        f"{result.frames_reencoded} frames re-encoded, {'verified' if result.verified else 'NOT verified'}, "
        f"{result.seconds:.1f} s"
    )
    for stream in result.streams:
        if not stream.kept:
            output.say(f"note: stream {stream.id} ({stream.codec}) was dropped: {stream.why}")
    for warning in result.warnings:
        output.say(f"note: {warning}")


def _check_same(engine: Engine, source: Path, fingerprint: str) -> None:
    if engine.fingerprint(source) != fingerprint:
        raise RecordingChanged(f"{source.name} has changed meanwhile", "the finished cut is dropped; look at it again")


def verify(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The recording.", show_default=False)],
    result: Annotated[str, typer.Argument(metavar="OUT", help="What was cut from it.", show_default=False)],
    keep: KeepOrList = None,
    listed: CutList = None,
    program: Program = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check a result against its recording.

    OUT must hold exactly the kept frames of SOURCE, in order and in time.
    """
    cutlists.checked(keep, listed)
    original, cut_file = files.readable(source), files.readable(result)
    engine = engine_for(config, original, program)
    found = engine.verify(original, cut_file, cutlists.kept(engine, original, keep, listed, program), program)
    if json:
        output.answer(dataclasses.asdict(found))
    else:
        rows = [("ok" if check.ok else "FAILED", check.name, check.detail) for check in found.checks]
        output.table(("", "check", "detail"), cast(list[tuple[str, ...]], rows))
    if not found.ok:
        bad = ", ".join(check.name for check in found.checks if not check.ok)
        raise VerificationFailed(f"{cut_file} did not pass: {bad}", "cut it again")


def engine_for(config_file: Path | None, source: Source, program: int | None) -> Engine:
    """The engine, with the index of `source` made under a bar where somebody watches.

    Indexes are kept under the data folder, nowhere where that cannot be written.
    """
    logs.quiet()
    settings = config.load(config.Choices(config=config_file))
    from plexcut.media.engine import Engine

    engine = Engine(_usable(settings.cache_dir))
    if program is None and output.is_watched() and engine.prepare(source).state == "building":
        with output.progress("reading") as on_progress:
            while (index := engine.index_state(source)).state == "building":
                on_progress("", index.percent / 100)
                time.sleep(_LOOK_EVERY_S)
    return engine


def _usable(folder: Path) -> Path | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def _mode(written: str | None, config_file: Path | None) -> CutMode:
    if written is None:
        return config.load(config.Choices(config=config_file)).cut.mode
    if written not in CUT_MODES:
        raise UsageError(f"--mode {written!r} is not possible", f"write {' or '.join(CUT_MODES)}")
    return written


def _container(written: str | None, out: Path | None) -> Container | None:
    """The kind of file to write: as told, or as the result is named."""
    by_name = named(out) if out is not None else None
    if written is None:
        return by_name
    if written not in CONTAINERS:
        raise UsageError(f"--container {written!r} is not possible", f"write {' or '.join(CONTAINERS)}")
    if by_name not in (None, written):
        raise UsageError(f"{out} is no name for {written}", f"end it with .{written}, or leave out --container")
    return written


def _show_facts(source: Source, facts: RecordingFacts) -> None:
    video = facts.video
    scan = "interlaced" if video.interlaced else "progressive"
    rows: list[tuple[str, str]] = [
        (
            "file",
            f"{source if isinstance(source, Path) else source.name} ({facts.container}, {_size(facts.size_bytes)})",
        ),
        ("length", f"{_clock(facts.duration_s)}, {facts.frames} frames, {facts.fps:g} per second"),
        ("keyframes", str(facts.keyframes)),
        ("video", f"{video.codec} {video.width}x{video.height} {scan}"),
    ]
    rows += [("audio", f"{a.codec} {a.language or '?'} {a.channels or '?'} channels") for a in facts.audio]
    rows += [("subtitles", f"{s.codec} {s.language or '?'}") for s in facts.subtitles]
    rows += [("other", s.codec) for s in facts.other]
    if facts.discontinuities:
        rows.append(("clock jumps", str(facts.discontinuities)))
    for name, value in rows:
        output.say(f"{name:<12}{value}")


def _clock(seconds: float) -> str:
    from fractions import Fraction

    return format_timecode(Fraction(str(seconds)))


def _size(nbytes: int) -> str:
    value: Any = float(nbytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"
