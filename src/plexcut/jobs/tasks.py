"""What workers run: module-level functions, named in the queue, with plain JSON arguments."""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

from rq import get_current_job
from rq.timeouts import JobTimeoutException

from plexcut.domain.containers import suffix_for
from plexcut.domain.delivery import ShareDelivery
from plexcut.domain.filestore import FileStore
from plexcut.domain.media import CutMode, CutRequest
from plexcut.domain.places import is_share, shown
from plexcut.domain.ports import MediaEngine
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.uses import Audience
from plexcut.errors import Cancelled, FileUnreadable, PlexcutError, RecordingChanged
from plexcut.jobs.already import result_in_place
from plexcut.jobs.control import JobControl
from plexcut.jobs.placing import placed
from plexcut.jobs.record import TIMED_OUT
from plexcut.jobs.sharing import ShareOrder, placed_on_share

logger = logging.getLogger(__name__)


class Finding(Protocol):
    """Finds files on this machine."""

    def find(self, library: str, place: str, root: str) -> tuple[Path, Path]:
        """Root and path of a file; `root` is the folder that the server found it in."""


def cut(movie: dict[str, Any]) -> dict[str, Any]:
    """Cut a recording; `movie` is a `MovieData` as a dict, the answer the keys of `plexcut cut --json`."""
    from plexcut import bootstrap

    tools = Tools(bootstrap.task_places, bootstrap.task_files, bootstrap.task_sharing, bootstrap.task_audience)
    return perform(movie, bootstrap.task_engine, tools)


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """What makes the tools of a task.

    `places` finds files on this machine (None: they lie where the server sees them), `files` puts results into the
    place of recordings (None: they can only go beside them), `sharing` brings them to shares, `audience` knows who uses
    a recording (None: nobody).
    """

    places: Callable[[], Finding] | None = None
    files: Callable[[], FileStore] | None = None
    sharing: Callable[[], ShareDelivery] | None = None
    audience: Callable[[], Audience] | None = None


def perform(movie: dict[str, Any], build: Callable[[], MediaEngine], tools: Tools | None = None) -> dict[str, Any]:
    """Run the cut with the engine that `build` makes, and write into the job how it goes and how it ended.

    Any failure is raised again, so that RQ files the job as failed.
    """
    tools = tools or Tools()
    rq_job = get_current_job()
    if rq_job is None:
        raise RuntimeError("a task runs in a worker only")
    control = JobControl(rq_job, str(movie["recording"]))
    try:
        with control.watching():
            here = _found(movie, tools.places)
            store = tools.files() if tools.files is not None else None
            turn = Turn(here, control, tools.audience() if tools.audience is not None else None)
            if is_share(Path(here["path"])) and store is not None and tools.sharing is not None:
                made = _cut_on_share(turn, build(), (store, tools.sharing()))
            else:
                made = _cut(turn, build(), store)
            result = _as_the_server_sees(made, here, movie)
    except JobTimeoutException:
        control.failed({**TIMED_OUT, "message": f"the job took longer than its limit of {rq_job.timeout} s"})
        raise
    except Cancelled:
        control.ended_early()
        raise
    except PlexcutError as error:
        control.failed({"code": error.code, "message": error.message, "hint": error.hint})
        raise
    except Exception:
        error_id = uuid.uuid4().hex[:8]
        logger.exception("unexpected error %s in job %s", error_id, rq_job.id)
        message = f"something unexpected went wrong (error {error_id})"
        control.failed({"code": "internal", "message": message, "hint": "the worker's log tells more"})
        raise
    try:
        control.finished(result)
    except JobTimeoutException:  # the time was up just after the work was done
        control.finished(result)
    return result


def _found(movie: dict[str, Any], places: Callable[[], Finding] | None) -> dict[str, Any]:
    """The order with `path` and `root` as this machine sees them."""
    if places is None or not movie.get("library"):
        return movie
    root, path = places().find(movie["library"], movie["place"], movie["root"])
    if (str(root), str(path)) != (movie["root"], movie["path"]):
        logger.info("the recording is %s here", path)
    return {**movie, "root": str(root), "path": str(path)}


def _as_the_server_sees(result: dict[str, Any], here: dict[str, Any], movie: dict[str, Any]) -> dict[str, Any]:
    """The result with its path as the server would write it."""
    path, root = Path(str(result.get("path", ""))), Path(here["root"])
    if here["root"] == movie["root"] or not path.is_relative_to(root):
        return result
    return {**result, "path": shown(Path(movie["root"]) / path.relative_to(root))}


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """A cut `movie` that waits until nobody uses its recording: before it begins, and before it is replaced."""

    movie: dict[str, Any]
    control: JobControl
    audience: Audience | None

    def begin(self, is_written: Callable[[], bool]) -> None:
        """Go back to the queue while somebody uses it. Raises `Cancelled`, `RecordingBusy`."""
        why = self._in_the_way(is_written)
        if why:
            self.control.put_off(why, self._wait_s)
        self.control.begin()

    def swap(self, is_written: Callable[[], bool], check_same: Callable[[], None]) -> None:
        """Wait while somebody uses it, and look again whether it is the same.

        Raises:
            Cancelled, RecordingBusy; what `check_same` raises.
        """
        self.control.hold_on(lambda: self._in_the_way(is_written), self._wait_s)
        check_same()

    @property
    def _wait_s(self) -> float:
        return self.audience.wait_s if self.audience is not None else 0.0

    def _in_the_way(self, is_written: Callable[[], bool]) -> str:
        path = Path(self.movie["path"])
        if is_written():
            return f"{path.name} is still being written"
        if self.audience is None:
            return ""
        return self.audience.in_the_way(path, replace=self.movie["output"] == "replace")


def _cut_on_share(turn: Turn, engine: MediaEngine, tools: tuple[FileStore, ShareDelivery]) -> dict[str, Any]:
    movie, control = turn.movie, turn.control
    files, delivery = tools
    path = Path(movie["path"])
    keep, mode = _kept(movie), cast(CutMode, movie["mode"])

    def check_same() -> None:
        if engine.fingerprint(delivery.source(path)) != movie["fingerprint"]:
            raise RecordingChanged(f"{path.name} has changed since it was looked at", "open it again, check the spans")

    check_same()
    turn.begin(lambda: delivery.is_written(path))
    order = ShareOrder(
        movie=movie,
        name=control.folder,
        on_progress=control.on_progress,
        should_cancel=control.should_cancel,
        check_same=lambda: turn.swap(lambda: delivery.is_written(path), check_same),
        needed_bytes=engine.plan(delivery.source(path), keep, mode).bytes,
        suffix=suffix_for(path, movie.get("container")),
    )
    with placed_on_share(order, files, delivery) as placing:
        request = CutRequest(
            source=placing.source,
            target=placing.target,
            keep=keep,
            mode=mode,
            fingerprint=movie["fingerprint"],
            container=movie.get("container"),
            chapters=bool(movie.get("chapters")),
            hand_over=placing.hand_over,
        )
        result = engine.cut(request, placing.on_progress, control.should_cancel)
        return {**dataclasses.asdict(result), "path": shown(placing.place)}


def _kept(movie: dict[str, Any]) -> KeepList:
    return KeepList.of(Span(start, end) for start, end in movie["keep"])


def _cut(turn: Turn, engine: MediaEngine, files: FileStore | None) -> dict[str, Any]:
    movie, control = turn.movie, turn.control
    if control.should_cancel():
        raise Cancelled("the job was cancelled before it began")
    source, root = Path(movie["path"]), Path(movie["root"])
    if not source.resolve().is_relative_to(root.resolve()):
        raise FileUnreadable(f"{source.name} lies outside its library", "check the library's folder")
    if engine.fingerprint(source) != movie["fingerprint"]:
        if movie["output"] == "replace" and files is not None:
            files.recover([root])
            done = result_in_place(movie, engine, files)
            if done is not None:
                return done
        raise RecordingChanged(f"{source.name} has changed since it was looked at", "open it again and check the spans")

    def is_written() -> bool:
        return files is not None and files.writing(source)

    def check_same() -> None:
        if engine.fingerprint(source) != movie["fingerprint"]:
            raise RecordingChanged(f"{source.name} has changed since it was looked at", "the finished cut is dropped")

    turn.begin(is_written)
    with placed(movie, control.folder, files, lambda: turn.swap(is_written, check_same)) as placing:
        request = CutRequest(
            source=source,
            target=placing.target,
            keep=_kept(movie),
            mode=cast(CutMode, movie["mode"]),
            fingerprint=movie["fingerprint"],
            container=movie.get("container"),
            chapters=bool(movie.get("chapters")),
            temp_dir=placing.temp_dir,
            hand_over=placing.hand_over,
        )
        return dataclasses.asdict(engine.cut(request, control.on_progress, control.should_cancel))
