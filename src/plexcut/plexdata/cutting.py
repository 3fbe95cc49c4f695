"""Plans and cuts."""

from __future__ import annotations

import logging
from dataclasses import replace

from plexcut.config import Settings
from plexcut.domain.catalog import MovieData, RecordingFile
from plexcut.domain.containers import CONTAINERS, Container, free_name, of_format, written_as
from plexcut.domain.jobs import Job
from plexcut.domain.media import CUT_MODES, CutMode, CutPlan
from plexcut.domain.places import shown
from plexcut.domain.spans import KeepList
from plexcut.errors import CannotWrite, FormatUnsupported, LibraryOffline, RecordingChanged, UnknownOutput, UsageError
from plexcut.plexdata import views
from plexcut.plexdata.checking import Checking, Prospect, spot_of
from plexcut.plexdata.events import Events
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping, job_timeout_s
from plexcut.plexdata.model import CutOptions, CutOrder, Ports, PreCheck

log = logging.getLogger(__name__)

OUTPUTS = ("beside", "replace", "folder")


class Cutting:
    """Makes orders for the engine's `plan` and for the queue."""

    def __init__(self, hosts: Hosts, ports: Ports, keeping: Keeping, settings: Settings, events: Events) -> None:
        self._hosts = hosts
        self._engine = ports.engine
        self._queue = ports.queue
        self._keeping = keeping
        self._settings = settings
        self._events = events
        self._files = ports.files
        self._checking = Checking(hosts, ports)

    def plan(self, order: CutOrder) -> CutPlan:
        """What a cut would do. Raises as `Plexdata.plan`."""
        mode, output = self._checked(order)
        file = self._hosts.recording(order.recording)
        keep, fingerprint = self._keep(order, file)
        self._container(order, file, fingerprint)
        plan = self._engine.plan(file.source, keep, mode)
        try:
            _ = file.path
            self._checking.room(Prospect(file, plan.bytes, output))
        except (CannotWrite, LibraryOffline) as error:
            return replace(plan, warnings=(error.line, *plan.warnings))
        return plan

    def look(self, order: CutOrder) -> tuple[PreCheck, ...]:
        """What stands in the way of a cut. Raises as `Plexdata.check_cut`."""
        mode, output = self._checked(order)
        file = self._hosts.recording(order.recording)
        try:
            keep, fingerprint = self._keep(order, file)
        except RecordingChanged as error:
            return (PreCheck("file", error),)
        self._container(order, file, fingerprint)
        try:
            _ = file.path
        except CannotWrite as error:
            return (PreCheck("file"), PreCheck("writable", error))
        plan = self._engine.plan(file.source, keep, mode)
        return (PreCheck("file"), *self._checking.look(Prospect(file, plan.bytes, output)))

    def cut(self, order: CutOrder, section: str) -> Job:
        """Queue a cut of a recording in `section`, answer its job with the metadata. Raises as `Plexdata.cut`."""
        mode, output = self._checked(order)
        file = self._hosts.recording(order.recording)
        path = file.path
        keep, fingerprint = self._keep(order, file)
        facts = self._keeping.facts(file.source, fingerprint)
        container = self._container(order, file, fingerprint)
        plan = self._engine.plan(file.source, keep, mode)
        for check in self._checking.look(Prospect(file, plan.bytes, output)):
            if check.error is not None and check.vital:
                raise check.error
        in_place = output == "replace"
        if in_place:
            target = path
        else:
            target = free_name(path, container, self._files.result_folder(spot_of(file), apart=output == "folder"))
        estimate_s = self._keeping.estimate_s(order.recording, facts, keep)
        movie = MovieData(
            recording=order.recording,
            title=file.title,
            section=section,
            path=str(path),
            root=str(file.root),
            fingerprint=fingerprint,
            keep=tuple((span.start, span.end) for span in keep),
            mode=mode,
            output=output,
            raw_duration_s=facts.duration_s,
            cut_duration_s=plan.duration_s,
            eta_s=round(estimate_s, 1),
            container=container,
            chapters=order.chapters,
            library=file.library,
            place=file.place,
            storage=self._hosts.storage_of(order.recording),
        )
        meta = {
            "section": section,
            "raw_duration_s": facts.duration_s,
            "cut_duration_s": plan.duration_s,
            "keep": [list(span) for span in plan.keep_s],
            "in_place": in_place,
            "output_path": shown(target),
        }
        timeout_s = job_timeout_s(self._settings.queue.timeout_s, estimate_s)
        job = self._queue.enqueue_cut(movie, meta, timeout_s, order.priority)
        log.info("job %s: cut of %s, %d frames kept", job.id, order.recording, keep.frames)
        self._events.emit("job", views.job(job))
        return job

    def options(self) -> CutOptions:
        """What is configured, and what is possible."""
        cut = self._settings.cut
        outputs = tuple(one for one in OUTPUTS if one != "folder" or cut.output_folder is not None)
        return CutOptions(cut.mode, cut.output, outputs, cut.output_folder, cut.keep_original_days)

    def check(self, order: CutOrder) -> None:
        """What can be said about an order without looking at any file. Raises `UsageError`, `UnknownOutput`."""
        self._checked(order)

    def _checked(self, order: CutOrder) -> tuple[CutMode, str]:
        output = order.output if order.output is not None else self._settings.cut.output
        if output not in OUTPUTS:
            raise UnknownOutput(f"{output!r} is no place for the result", f"possible is {' or '.join(OUTPUTS)}")
        if output == "folder" and self._settings.cut.output_folder is None:
            raise UnknownOutput("there is no folder for results", "set cut.output_folder in the configuration")
        mode = order.mode if order.mode is not None else self._settings.cut.mode
        if mode not in CUT_MODES:
            raise UsageError(f"{mode!r} is no way to cut", f"possible is {' or '.join(CUT_MODES)}")
        if _checked_container(order) is not None and output == "replace":
            raise FormatUnsupported("a cut in place keeps the recording's kind of file", "leave out the container")
        return mode, output

    def _container(self, order: CutOrder, file: RecordingFile, fingerprint: str) -> Container | None:
        """What kind of file the result is to be. Raises `FormatUnsupported`: this recording cannot be cut to it."""
        container = _checked_container(order)
        if container is not None or order.chapters:
            own = of_format(self._keeping.facts(file.source, fingerprint).container)
            written_as(file.source.name, own, container, chapters=order.chapters)
        return container

    def _keep(self, order: CutOrder, file: RecordingFile) -> tuple[KeepList, str]:
        """The frames to keep, and the file's fingerprint."""
        fingerprint = self._keeping.checked_fingerprint(file.source, order.fingerprint)
        if order.keep is None:
            return self._keeping.saved(order.recording, fingerprint), fingerprint
        return self._keeping.resolve(file.source, order.keep), fingerprint


def _checked_container(order: CutOrder) -> Container | None:
    wanted = order.container
    if wanted is not None and wanted not in CONTAINERS:
        raise FormatUnsupported(f"{wanted!r} is no kind of file to cut to", f"possible is {' or '.join(CONTAINERS)}")
    return wanted
