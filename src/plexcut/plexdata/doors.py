"""Parts of the one door, `Plexdata`: what it answers about keep lists, cuts and jobs."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from plexcut.domain.jobs import Job, JobPage, JobQuery, LogLine, Priority, Progress
from plexcut.domain.media import CutPlan
from plexcut.domain.ports import Notice
from plexcut.domain.trash import Emptied, TrashEntry
from plexcut.errors import JobNotFound, UsageError
from plexcut.plexdata.browsing import Browsing
from plexcut.plexdata.cutlists import CutListing
from plexcut.plexdata.cutting import Cutting
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import HISTORY_STEPS, Keeping
from plexcut.plexdata.model import (
    CutOptions,
    CutOrder,
    KeepOrder,
    KeepPast,
    KeepState,
    Ports,
    PreCheck,
    SelectionChange,
)
from plexcut.plexdata.progress import Watch
from plexcut.plexdata.replacing import Back, Replacing
from plexcut.plexdata.selecting import Selecting

MAX_JOBS = 1000


class CutDoor:
    """Keep lists, plans and cuts."""

    _browsing: Browsing
    _cut_lists: CutListing
    _cutting: Cutting
    _hosts: Hosts
    _keeping: Keeping
    _selecting: Selecting
    _watch: Watch

    def keep(self, recording: str) -> KeepState:
        """The saved keep list (waits for the index where there is one to show as times).

        Where nothing was ever saved: what a cut list of another program keeps that lies beside the recording.

        Raises:
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        state = self._keeping.keep(recording)
        found = self._cut_lists.beside(recording) if state.revision == 0 else None
        if found is None:
            return state
        return replace(state, keep_s=found.keep_s, keep_frames=found.keep_frames, imported=found)

    def save_keep(self, order: KeepOrder) -> KeepState:
        """Save a keep list over the revision that it was made from; waits for the index.

        Raises:
            StaleRevision: somebody saved another one meanwhile; that one stands, and is the error's `current`.
            RecordingChanged: the file is not the one of `order.fingerprint`.
            SpanInvalid, PositionInvalid. Besides what `keep` raises.
        """
        return self._keeping.save(order)

    def keep_history(self, recording: str, limit: int = HISTORY_STEPS) -> KeepPast:
        """The saved keep list and what undo and redo lead to, at most `limit` states (1 to 1000) in each direction.

        Where nothing was ever saved, its `imported` is what a cut list beside the recording keeps; the list is empty.

        Raises as `keep`.
        """
        past = self._keeping.history(recording, limit)
        found = self._cut_lists.beside(recording) if past.saved.revision == 0 else None
        return past if found is None else replace(past, saved=replace(past.saved, imported=found))

    def undo_keep(self, recording: str, revision: int, steps: int = 1) -> KeepPast:
        """Take back the last changes of the keep list that has `revision`, whoever made them and wherever.

        Raises:
            StaleRevision: it was changed since. NothingToUndo. Besides what `keep` raises.
        """
        return self._keeping.step(recording, revision, -steps)

    def redo_keep(self, recording: str, revision: int, steps: int = 1) -> KeepPast:
        """Do again what was taken back. Raises as `undo_keep`."""
        return self._keeping.step(recording, revision, steps)

    def kept_recordings(self) -> tuple[str, ...]:
        """All recordings that have a saved keep list which keeps anything, sorted. Asks no library."""
        return self._keeping.kept()

    def cut_options(self) -> CutOptions:
        """What a cut does when its order does not say, and where results can go."""
        return self._cutting.options()

    def plan(self, order: CutOrder) -> CutPlan:
        """What a cut would do. Raises as `cut`, but for the queue and `RecordingBusy`."""
        return self._cutting.plan(order)

    def cut(self, client: str | None, order: CutOrder) -> Job:
        """Select the movie for the client, make its `MovieData`, queue the cut, answer the job with its metadata.

        Raises:
            SpanInvalid: a span is not possible, or there is neither `keep` nor a saved list.
            UnknownOutput: an output that is not possible. UsageError: an unknown mode.
            RecordingChanged: the file is not the one of `order.fingerprint`, or of the saved keep list.
            RecordingBusy: another job has this recording.
            CannotWrite: the file itself is not here, its server only lets it be read.
            QueueOffline, RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        self._cutting.check(order)
        file = self._hosts.recording(order.recording)
        item = self._browsing.item(file.item)
        self._selecting.update(client, SelectionChange(section=item.section, movie=item.id))
        job = self._cutting.cut(order, item.section)
        self._watch.book.note([job])
        return job


class TrashDoor:
    """What cuts in place have replaced."""

    _cutting: Cutting
    _replacing: Replacing

    def check_cut(self, order: CutOrder) -> tuple[PreCheck, ...]:
        """What stands in the way of a cut, looked at now: each check with what is wrong, if anything is.

        Raises as `plan`.
        """
        return self._cutting.look(order)

    def restore(self, recording: str) -> Back:
        """Bring the original of a recording back after cuts in place; the cut that it replaces goes to the trash.

        Raises:
            NoOriginal: there is none in the trash. RecordingBusy: a job or another process has the recording.
            CannotWrite, DiskFull, RecordingNotFound, LibraryOffline.
        """
        return self._replacing.restore(recording)

    def trash(self) -> tuple[TrashEntry, ...]:
        """What cuts in place have replaced, the newest first."""
        return self._replacing.trash()

    def restore_entry(self, entry: str) -> Back:
        """Bring one entry of the trash back to where it was, even where nothing lies there any more.

        Raises:
            TrashEntryNotFound. Besides what `restore` raises.
        """
        return self._replacing.restore_entry(entry)

    def delete_trash(self, entry: str | None = None) -> Emptied:
        """Delete one entry of the trash for good, or all; what is not exactly what was put there stays.

        Raises:
            TrashEntryNotFound, CannotWrite, Busy.
        """
        return self._replacing.delete(entry)


class JobDoor:
    """Jobs and their progress."""

    _hosts: Hosts
    _ports: Ports
    _watch: Watch

    def jobs(self, query: JobQuery | None = None) -> JobPage:
        """Jobs, newest first; while the queue is offline as they were when it was last seen.

        Raises:
            UsageError: `limit` or `offset` is out of bounds. QueueOffline: it is, and never was seen with a job.
        """
        query = query or JobQuery()
        if not 1 <= query.limit <= MAX_JOBS or query.offset < 0:
            raise UsageError(f"limit is 1 to {MAX_JOBS}, offset at least 0")
        page = self._watch.book.page(query)
        return JobPage(tuple(self._watch.follow_ups.on(job) for job in page.jobs), page.total)

    def job(self, job: str) -> Job:
        """One job. Raises `JobNotFound`; `QueueOffline`: it is not known, and the queue cannot be asked."""
        return self._watch.follow_ups.on(self._watch.book.job(job))

    def job_log(self, job: str) -> tuple[LogLine, ...]:
        """What a job's worker said, oldest first. Raises as `job`."""
        return self._watch.book.log(job)

    def cancel(self, job: str) -> Job:
        """Stop a queued or running job; an ended one stays as it is. Raises `JobNotFound`, `QueueOffline`."""
        try:
            return self._watch.told(self._ports.queue.cancel(job))
        except JobNotFound:
            self._watch.book.cancel_lost(job)
            return self._watch.told(self._watch.book.job(job))

    def retry(self, job: str) -> Job:
        """Queue a failed or cancelled job again, as a new job.

        Raises:
            JobNotFound, RecordingBusy, QueueOffline; Busy: it has not ended, or ended well.
        """
        try:
            return self._watch.told(self._ports.queue.retry(job))
        except JobNotFound:
            order = self._watch.book.order_again(job)
            new = replace(order, id=uuid.uuid4().hex, created_at=time.time(), deaths=0, losses=0)
            return self._watch.told(self._ports.queue.put_back(new))

    def move_job(self, job: str, *, position: int | None = None, before: str | None = None) -> Job:
        """Give a waiting job another place in the queue: the `position`-th, from 1, or the one before another.

        Raises:
            JobNotFound, QueueOffline; Busy: it does not wait (any more), or the other does not.
        """
        return self._watch.told(self._ports.queue.move(job, position=position, before=before))

    def prioritise(self, job: str, priority: Priority) -> Job:
        """Make a waiting job more or less urgent. Raises as `move_job`."""
        return self._watch.told(self._ports.queue.prioritise(job, priority))

    def notices(self) -> tuple[Notice, ...]:
        """What somebody has to know: a queue that does not answer, a damaged database that was set aside."""
        found = self._ports.store.notices()
        if self._hosts.queue_checked.is_set() and not self._hosts.queue_online:
            found = (
                Notice("queue_offline", "the queue does not answer", "jobs go on by themselves when it is back"),
                *found,
            )
        return found

    def pause_queue(self, paused: bool) -> Progress:
        """Let no more jobs begin, or let them begin again; jobs that run go on. It stays so over restarts.

        Raises `QueueOffline`.
        """
        self._watch.paused(paused)
        return self._ports.queue.progress()

    def progress(self) -> Progress:
        """Worker, queue and the current job in one object; changes nothing. Raises `QueueOffline`."""
        return self._ports.queue.progress()
