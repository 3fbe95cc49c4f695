"""Cutting a recording on a share: read by ranges, made and proved on this machine, brought to the share, read back
there, and only then given its name.

The engine reads its result several times and anywhere while it proves it, which over a network costs more than sending
it once; and what is sent is compared with what the server has on its disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plexcut.domain.containers import free_name, result_names
from plexcut.domain.delivery import ShareDelivery
from plexcut.domain.filestore import FileStore
from plexcut.domain.media import ByteRanges
from plexcut.domain.places import is_share
from plexcut.domain.ports import OnProgress, ShouldCancel
from plexcut.domain.trash import Rendered, Spot
from plexcut.errors import CannotWrite, RecordingBusy

logger = logging.getLogger(__name__)

_MADE = 0.75
"""How much of the time making the result takes; bringing it to the share takes nearly all of the rest."""
_DONE = 0.99


@dataclass(slots=True)
class OnShare:
    """For `domain.media.CutRequest`. `place`: where the result is in the end."""

    source: ByteRanges
    target: Path
    on_progress: OnProgress
    hand_over: Callable[[Rendered], None] | None
    place: Path = field(default_factory=Path)


@dataclass(frozen=True, slots=True)
class ShareOrder:
    """A cut to be placed; `suffix` of the result's name.

    `check_same` raises `RecordingChanged` where the recording is not what it was.
    """

    movie: dict[str, Any]
    name: str
    on_progress: OnProgress
    should_cancel: ShouldCancel
    check_same: Callable[[], None]
    needed_bytes: int
    suffix: str


@contextmanager
def placed_on_share(order: ShareOrder, files: FileStore, delivery: ShareDelivery) -> Iterator[OnShare]:
    """Where the cut of a recording on a share goes; the recording is held meanwhile.

    Raises:
        RecordingBusy: another process has the recording, or it is still being written.
        CannotWrite, DiskFull, FileUnreadable, LibraryOffline; out of `hand_over` also `VerificationFailed`,
        `RecordingChanged` and `Cancelled`. Whatever it was, nothing of ours is left on the share.
    """
    path, root = Path(order.movie["path"]), Path(order.movie["root"])
    in_place = order.movie["output"] == "replace"
    spot = Spot(path, root)
    with files.hold(path):
        if delivery.is_written(path):
            raise RecordingBusy(f"{path.name} is still being written", "wait until it has been recorded, then cut it")
        folder = path.parent if in_place else files.result_folder(spot, apart=order.movie["output"] == "folder")
        if not is_share(folder):  # the share must not be written, and there is a folder for such results here
            target = free_name(path, order.movie.get("container"), folder)
            yield OnShare(delivery.source(path), target, order.on_progress, None, target)
            return
        delivery.room(folder, order.needed_bytes)
        with files.workspace(spot, order.name) as there, _workplace(delivery.work, order.name) as here:

            def hand_over(rendered: Rendered) -> None:
                sent = there / f".plexcut-{order.name}.part"
                delivery.deliver(rendered.path, sent, sending, order.should_cancel)
                order.check_same()
                order.on_progress("move", _DONE)
                if in_place:
                    files.replace(spot, Rendered(sent, rendered.kept_us, rendered.source_duration_s))
                    placing.place = path
                else:
                    names = result_names(path, order.movie.get("container"))
                    placing.place = delivery.give_name(sent, folder, names)
                rendered.path.replace(placing.target)

            def sending(fraction: float) -> None:
                order.on_progress("verify", _MADE + (_DONE - _MADE) * fraction)

            def making(phase: str, fraction: float) -> None:
                if placing.place.name:
                    order.on_progress("move", 1.0)
                else:  # the result leaves our hands when it has arrived, not when it is made
                    order.on_progress("verify" if phase == "move" else phase, _MADE * fraction)

            placing = OnShare(delivery.source(path), here / f"made{order.suffix}", making, hand_over)
            yield placing


@contextmanager
def _workplace(work: Path, name: str) -> Iterator[Path]:
    """A folder of this machine that is held while it is used; what killed processes left beside it is removed."""
    folder = work / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be made: {error.strerror}", "check data_dir") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _remove_left(work, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _remove_left(work: Path, ours: Path) -> None:
    for folder in work.iterdir():
        if folder == ours or not folder.is_dir():
            continue
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                logger.warning("removed %s, which a killed cut had left", folder)
            finally:
                os.close(handle)
