"""`cut --in-place`, `restore`, `trash`: what is replaced, and what comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from plexcut import config
from plexcut.cli import files, logs, output, telling
from plexcut.cli.interrupts import wait_until_free
from plexcut.config import Settings
from plexcut.domain.containers import Container
from plexcut.domain.media import CutRequest, CutResult
from plexcut.domain.ports import ShouldCancel
from plexcut.domain.timecode import us_to_s
from plexcut.domain.trash import Rendered, Spot
from plexcut.errors import FileUnreadable, PlexcutError, RecordingBusy, TrashEntryNotFound, UsageError

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file.", show_default=False, readable=False),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON object as the last line.")]


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """`cut` makes the result of a request. `check_same` raises `RecordingChanged` where the recording has changed."""

    cut: Callable[[CutRequest], CutResult]
    check_same: Callable[[], None]
    should_cancel: ShouldCancel


def cut_in_place(config_file: Path | None, request: CutRequest, work: Work) -> CutResult:
    """Let `work` make the result of `request` and put it into the recording's place, which goes to the trash.

    Who begins to watch it meanwhile is waited for.

    Raises:
        RecordingBusy, CannotWrite, DiskFull, Cancelled; what `cut` raises. The recording is untouched then.
    """
    from plexcut import bootstrap

    settings = config.load(config.Choices(config=config_file))
    store = bootstrap.files(settings, output.note)
    spot = spot_of(request.target, settings)
    audience = bootstrap.audience(settings, output.note)
    store.recover([spot.root])

    kept: list[tuple[float, float]] = []

    def in_the_way() -> str:
        if store.writing(spot.path):
            return f"{spot.path.name} is still being written"
        return audience.in_the_way(spot.path, replace=True)

    def hand_over(rendered: Rendered) -> None:
        wait_until_free(in_the_way, audience.wait_s, work.should_cancel)
        work.check_same()
        store.replace(spot, rendered)
        kept.extend((us_to_s(start), us_to_s(end)) for start, end in rendered.kept_us)

    with store.hold(spot.path):
        if why := in_the_way():
            raise RecordingBusy(why, "cut it when that is over")
    with store.hold(spot.path), store.workspace(spot, f"cli-{os.getpid()}-{uuid.uuid4().hex[:8]}") as folder:
        result = work.cut(dataclasses.replace(request, temp_dir=folder, hand_over=hand_over))
    with contextlib.suppress(PlexcutError):
        store.expire([spot.root])
    telling.tell(settings, telling.Changed("replace", spot.path, result.duration_s, tuple(kept)))
    return result


def default_result(config_file: Path | None, source: Path, kind: Container | None) -> Path | None:
    """Where the result of a cut goes that nobody named, where it cannot go beside its recording; None where it can."""
    settings = config.load(config.Choices(config=config_file))
    if settings.cut.output_folder is None:
        return None
    from plexcut import bootstrap
    from plexcut.domain.containers import free_name

    spot = spot_of(source.resolve(), settings)
    folder = bootstrap.files(settings).result_folder(spot)
    return free_name(source, kind, folder) if folder != spot.path.parent else None


def restore(
    recording: Annotated[str, typer.Argument(metavar="FILE", help="The recording.", show_default=False)],
    config_file: Config = None,
    json: Json = False,
) -> None:
    """Bring the original back after a cut in place.

    What lies in its place goes to the trash.
    """
    from plexcut import bootstrap

    logs.quiet()
    settings = config.load(config.Choices(config=config_file))
    path = _place_of(recording)
    store = bootstrap.files(settings, output.note)
    spot = spot_of(path, settings)
    restored = store.restore(Spot(spot.path, _top(spot)))
    duration_s = restored.duration_s
    if duration_s is None:
        from plexcut.cli.media import engine_for

        duration_s = engine_for(config_file, restored.path, None).probe(restored.path).duration_s
    keep = tuple((us_to_s(start), us_to_s(end)) for start, end in restored.kept_us)
    telling.tell(settings, telling.Changed("restore", restored.path, duration_s, keep))
    if json:
        output.answer({"path": str(restored.path), "duration_s": duration_s})
    else:
        output.say(f"{restored.path}: the original is back")


def show_trash(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...",
            help="Look in these; by default in the libraries and where cuts were made.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    delete: Annotated[
        list[str] | None, typer.Option("--delete", metavar="ID", help="Delete this entry for good; may be repeated.")
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Delete everything in the trash for good.")] = False,
    config_file: Config = None,
    json: Json = False,
) -> None:
    """List what cuts in place have replaced."""
    from plexcut import bootstrap

    logs.quiet()
    if delete and empty:
        raise UsageError("--delete and --empty say two things", "give one of them")
    settings = config.load(config.Choices(config=config_file))
    store = bootstrap.files(settings, output.note)
    roots = [_folder(folder) for folder in folders or ()] or [Path("/"), *bootstrap.library_folders(settings)]
    store.recover(roots)
    found = store.entries(roots)
    if delete or empty:
        unknown = set(delete or ()) - {entry.id for entry in found}
        if unknown:
            raise TrashEntryNotFound(f"nothing in the trash has the id {min(unknown)!r}", "see `plexcut trash`")
        emptied = store.delete(roots, frozenset(delete) if delete else None)
        for line in emptied.kept:
            output.note(line)
        if json:
            output.answer(
                {"deleted": list(emptied.deleted), "freed_bytes": emptied.freed_bytes, "kept": list(emptied.kept)}
            )
        else:
            output.say(f"{len(emptied.deleted)} deleted, {emptied.freed_bytes / 1e6:.1f} MB freed")
        return
    if json:
        from plexcut.plexdata import views

        output.answer(views.trash(found))
        return
    rows: list[tuple[str, ...]] = [
        (
            entry.id,
            entry.kind,
            f"{entry.size_bytes / 1e6:.1f} MB",
            _day(entry.trashed_at),
            _day(entry.expires_at),
            str(entry.path),
        )
        for entry in found
    ]
    if not rows:
        output.say("nothing is in the trash")
        return
    output.table(("id", "kind", "size", "since", "until", "recording"), rows)


def spot_of(path: Path, settings: Settings) -> Spot:
    """A recording and the folder of the library that it lies in; its own folder where it lies in none."""
    from plexcut import bootstrap

    holding = [folder for folder in bootstrap.library_folders(settings) if folder in path.parents]
    return Spot(path, max(holding, key=lambda folder: len(folder.parts), default=path.parent))


def _place_of(written: str) -> Path:
    """The recording's place, links resolved; the file itself may be gone.

    Raises:
        FileUnreadable: its folder is not there, or something else is in the place.
    """
    if not written or "\0" in written:
        raise UsageError("that is no file name", "name a recording")
    path = Path(written).expanduser()
    if os.path.lexists(path):
        return files.readable(written).resolve()
    parent = path.parent.resolve()
    if not parent.is_dir():
        raise FileUnreadable(f"there is no file {path}", "check the path")
    return parent / path.name


def _folder(written: Path) -> Path:
    folder = written.expanduser().resolve()
    if not folder.is_dir():
        raise FileUnreadable(f"there is no folder {folder}", "check the path")
    return folder


def _top(spot: Spot) -> Path:
    """The folder to look for trashes from: the top of the recording's file system, or its library's."""
    top = spot.path.parent
    device = top.stat().st_dev
    for folder in spot.path.parent.parents:
        if folder.stat().st_dev != device and spot.root not in (folder, *folder.parents):
            break
        top = folder
    return top


def _day(moment: float | None) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(moment)) if moment is not None else "-"
