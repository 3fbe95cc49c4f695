"""Parts of the one door, `Plexdata`: what it answers about keep lists, cuts and jobs."""

from __future__ import annotations

from dataclasses import replace

from plexcut.domain.jobs import Job, Progress
from plexcut.domain.media import CutPlan
from plexcut.plexdata.browsing import Browsing
from plexcut.plexdata.cutlists import CutListing
from plexcut.plexdata.cutting import Cutting
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import HISTORY_STEPS, Keeping
from plexcut.plexdata.model import CutOrder, KeepOrder, KeepPast, KeepState, Ports, SelectionChange
from plexcut.plexdata.progress import Watch
from plexcut.plexdata.selecting import Selecting


class CutDoor:
    """Keep lists, plans and cuts."""

    _browsing: Browsing
    _cut_lists: CutListing
    _cutting: Cutting
    _hosts: Hosts
    _keeping: Keeping
    _selecting: Selecting

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

        Raises as `keep`.
        """
        return self._keeping.history(recording, limit)

    def undo_keep(self, recording: str, revision: int, steps: int = 1) -> KeepPast:
        """Take back the last changes of the keep list that has `revision`, whoever made them and wherever.

        Raises:
            StaleRevision: it was changed since. NothingToUndo. Besides what `keep` raises.
        """
        return self._keeping.step(recording, revision, -steps)

    def redo_keep(self, recording: str, revision: int, steps: int = 1) -> KeepPast:
        """Do again what was taken back. Raises as `undo_keep`."""
        return self._keeping.step(recording, revision, steps)

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
        return self._cutting.cut(order, item.section)


class JobDoor:
    """Jobs and their progress."""

    _ports: Ports
    _watch: Watch

    def jobs(self) -> tuple[Job, ...]:
        """All known jobs, newest first. Raises `QueueOffline`."""
        return tuple(self._watch.follow_ups.on(job) for job in self._ports.queue.jobs())

    def job(self, job: str) -> Job:
        """One job. Raises `JobNotFound`, `QueueOffline`."""
        return self._watch.follow_ups.on(self._ports.queue.job(job))

    def cancel(self, job: str) -> Job:
        """Stop a queued or running job. Raises `JobNotFound`, `QueueOffline`."""
        return self._watch.told(self._ports.queue.cancel(job))

    def retry(self, job: str) -> Job:
        """Queue a failed or cancelled job again, as a new job.

        Raises:
            JobNotFound, RecordingBusy, QueueOffline; Busy: it has not ended, or ended well.
        """
        return self._watch.told(self._ports.queue.retry(job))

    def progress(self) -> Progress:
        """Worker, queue and the current job in one object; changes nothing. Raises `QueueOffline`."""
        return self._ports.queue.progress()
