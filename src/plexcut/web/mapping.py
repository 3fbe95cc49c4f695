"""From our own data to the shapes of the interface: the views of `plexdata`, held against the documented models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from plexcut.domain import catalog, jobs, media, ports
from plexcut.domain import selection as selecting
from plexcut.domain.timecode import us_to_s
from plexcut.domain.trash import Emptied, TrashEntry
from plexcut.plexdata import model, views
from plexcut.plexdata.replacing import Back
from plexcut.plexdata.results import FoundResult
from plexcut.web import schemas
from plexcut.web.text import clean

M = TypeVar("M", bound=BaseModel)

_ADDRESSES = frozenset({"thumb", "url"})


def outgoing(data: Any, base_path: str = "") -> Any:
    """`data` with `base_path` before every address in it, and with text that JSON can carry."""
    if isinstance(data, dict):
        return {
            key: f"{base_path}{value}" if key in _ADDRESSES and isinstance(value, str) else outgoing(value, base_path)
            for key, value in data.items()
        }
    if isinstance(data, str):
        return clean(data)
    return [outgoing(one, base_path) for one in data] if isinstance(data, (list, tuple)) else data


def _shaped(shape: type[M], data: dict[str, Any], base_path: str = "") -> M:
    return shape.model_validate(outgoing(data, base_path))


def libraries(found: tuple[model.LibraryStatus, ...]) -> schemas.Libraries:
    """All libraries, with what is wrong with them."""
    return _shaped(schemas.Libraries, views.libraries(found))


def health(found: model.Health) -> schemas.Health:
    """The answer once the start is over."""
    return _shaped(schemas.HealthWithNotices if found.notices else schemas.Health, views.health(found))


def notices(found: tuple[ports.Notice, ...]) -> schemas.Notices:
    """What somebody has to know."""
    return _shaped(schemas.Notices, views.notices(found))


def sections(found: tuple[catalog.Section, ...]) -> schemas.Sections:
    """Sections in their order."""
    return _shaped(schemas.Sections, views.sections(found))


def item(found: catalog.Item, base_path: str) -> schemas.Item:
    """An item."""
    return _shaped(schemas.Item, views.item(found), base_path)


def items(found: Iterable[catalog.Item], total: int, base_path: str) -> schemas.Items:
    """A stretch of `total` items."""
    return _shaped(schemas.Items, views.items(tuple(found), total), base_path)


def selection(found: selecting.Selection, base_path: str) -> schemas.Selection:
    """A selection with whole items."""
    return _shaped(schemas.Selection, views.selection(found), base_path)


def recording(found: model.RecordingInfo) -> schemas.Recording:
    """A recording; its facts are null until they are known."""
    return _shaped(schemas.Recording, views.recording(found))


def keep(found: model.KeepState) -> schemas.Keep:
    """A saved keep list."""
    return _shaped(schemas.Keep, views.keep(found))


def keep_history(found: model.KeepPast) -> schemas.KeepHistory:
    """A keep list with what undo and redo lead to."""
    return _shaped(schemas.KeepHistory, views.keep_history(found))


def imported(found: model.ImportedKeep) -> schemas.ImportedKeep:
    """What a cut list keeps."""
    return _shaped(schemas.ImportedKeep, views.imported(found))


def breaks(found: model.Proposal) -> schemas.Breaks:
    """Proposed breaks."""
    return _shaped(schemas.Breaks, views.breaks(found))


def plan(found: media.CutPlan) -> schemas.Plan:
    """A plan."""
    return _shaped(schemas.Plan, views.plan(found))


def keeps(found: tuple[str, ...]) -> schemas.Keeps:
    """Recordings with a saved keep list."""
    return _shaped(schemas.Keeps, views.keeps(found))


def cut_options(found: model.CutOptions) -> schemas.CutOptions:
    """What a cut can do."""
    return _shaped(schemas.CutOptions, views.cut_options(found))


def pre_checks(found: tuple[model.PreCheck, ...]) -> schemas.PreChecks:
    """What stands in the way of a cut."""
    return _shaped(schemas.PreChecks, views.pre_checks(found))


def restored(found: Back) -> schemas.Restored:
    """An original that is back."""
    return _shaped(schemas.Restored, {"path": found.path, "duration_s": found.duration_s})


def trash(found: tuple[TrashEntry, ...]) -> schemas.Trash:
    """What is in the trash."""
    return _shaped(schemas.Trash, views.trash(found))


def emptied(found: Emptied) -> schemas.Emptied:
    """What was deleted for good."""
    return _shaped(schemas.Emptied, views.emptied(found))


def job(found: jobs.Job) -> schemas.Job:
    """A job, with what was ordered beside the rest."""
    return _shaped(schemas.Job, views.job(found))


def job_result(found: FoundResult) -> schemas.JobResult:
    """Where a job's result is."""
    return _shaped(schemas.JobResult, {"path": found.path, "recording": found.recording})


def job_list(found: jobs.JobPage) -> schemas.Jobs:
    """Jobs in their order."""
    return _shaped(schemas.Jobs, views.jobs(found.jobs, found.total))


def job_log(found: tuple[jobs.LogLine, ...]) -> schemas.JobLog:
    """A job's log."""
    return _shaped(schemas.JobLog, views.job_log(found))


def progress(found: jobs.Progress) -> schemas.Progress:
    """The progress object."""
    return _shaped(schemas.Progress, views.progress(found))


def timeline(found: tuple[model.TimelineFrame, ...], base_path: str) -> schemas.Timeline:
    """The pictures of a timeline, with their addresses."""
    data = views.timeline(found)
    for frame in data["frames"]:
        frame["url"] = quote(frame["url"], safe="/:~")
    return _shaped(schemas.Timeline, data, base_path)


def filmstrip(found: media.Filmstrip, fingerprint: str, url: str, base_path: str) -> schemas.Filmstrip:
    """A filmstrip, with the address of its image."""
    return _shaped(schemas.Filmstrip, {**views.filmstrip(found), "fingerprint": fingerprint, "url": url}, base_path)


def frame_headers(picture: media.Picture) -> dict[str, str]:
    """Which frame a picture shows."""
    number = {"X-Frame-Provisional": "1"} if picture.frame is None else {"X-Frame-Number": str(picture.frame)}
    return {**number, "X-Frame-Time": f"{us_to_s(picture.time_us):.6f}"}
