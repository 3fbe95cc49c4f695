"""Where a job's result is made and where it goes: beside the recording, into the output folder, or into its place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plexcut.domain.containers import free_name
from plexcut.domain.filestore import FileStore
from plexcut.domain.trash import Rendered, Spot
from plexcut.errors import RecordingBusy
from plexcut.jobs import temporary
from plexcut.jobs.quiet import StandBack

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placing:
    """For `domain.media.CutRequest`."""

    target: Path
    temp_dir: Path | None
    hand_over: Callable[[Rendered], object] | None = None


@contextmanager
def placed(
    movie: dict[str, Any], name: str, files: FileStore | None, before_swap: Callable[[], None] = lambda: None
) -> Iterator[Placing]:
    """Where the cut `movie` goes; the recording is held meanwhile. `name`: of the folder for temporary files.

    `before_swap` is called when the result is about to take the recording's place; what it raises is raised.

    Raises:
        RecordingBusy: another process has the recording, or it is still being written.
        CannotWrite, DiskFull, FileUnreadable.
    """
    source, root = Path(movie["path"]), Path(movie["root"])
    if files is None:
        with _beside(source.parent, name, movie) as placing:
            yield placing
        return
    spot = Spot(source, root)
    with files.hold(source), StandBack(lambda: files.recorded_into(root)):
        check_still(files, source)
        if movie["output"] != "replace":
            with _beside(files.result_folder(spot, apart=movie["output"] == "folder"), name, movie) as placing:
                yield placing
            return
        with files.workspace(spot, name) as folder:

            def hand_over(rendered: Rendered) -> None:
                before_swap()
                files.replace(spot, rendered)

            yield Placing(source, folder, hand_over)


def check_still(files: FileStore, source: Path) -> None:
    """Raises `RecordingBusy` where somebody still writes into the recording."""
    if files.writing(source):
        raise RecordingBusy(f"{source.name} is still being written", "wait until it has been recorded, then cut it")


@contextmanager
def _beside(folder: Path, name: str, movie: dict[str, Any]) -> Iterator[Placing]:
    source, root = Path(movie["path"]), Path(movie["root"])
    temporary.remove_abandoned(folder)
    try:
        yield Placing(free_name(source, movie.get("container"), folder), temporary.make(root, folder, name))
    finally:
        temporary.remove(root, name)
