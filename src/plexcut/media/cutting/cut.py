"""One cut from beginning to end: plan, re-encode, write, prove, move into place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import av

from plexcut.domain.media import CutRequest, CutResult, Source, StreamResult, Verification
from plexcut.domain.ports import OnProgress, ShouldCancel
from plexcut.domain.timecode import us_to_s
from plexcut.domain.trash import Rendered
from plexcut.errors import (
    CannotWrite,
    DiskFull,
    FileUnreadable,
    FormatUnsupported,
    PlexcutError,
    RecordingChanged,
    TargetExists,
    VerificationFailed,
)
from plexcut.media import heap
from plexcut.media.cutting.cost import CutWork
from plexcut.media.cutting.h264_numbers import Unfit
from plexcut.media.cutting.opening import Avoided, settled_plan
from plexcut.media.cutting.output import Sync
from plexcut.media.cutting.packet_change import Unpassable
from plexcut.media.cutting.passing import PassingSplice
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.plan import Plan, plan_warnings
from plexcut.media.cutting.progress import CutProgress
from plexcut.media.cutting.render import Watch, is_container, render_container
from plexcut.media.cutting.room import room_warnings
from plexcut.media.cutting.schedule import Schedule, make_schedule
from plexcut.media.cutting.splice_ts import TransportSplice
from plexcut.media.cutting.verify import Made, prove_cut
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes

log = logging.getLogger(__name__)

_ATTEMPTS = 6
_POLL_S = 0.2
_RESERVE_BYTES = 8 << 20
_TURN_S, _USUAL_TURN_S = 0.0005, sys.getswitchinterval()
_turns = threading.Lock()
_cutting = 0


def run_cut(request: CutRequest, indexes: Indexes, on_progress: OnProgress, should_cancel: ShouldCancel) -> CutResult:
    """Cut a recording. The source is only ever read; the result appears under its name in one step, proved.

    Raises:
        FileUnreadable, FormatUnsupported, SpanInvalid: about the source and the spans.
        RecordingChanged: the source is not the file that was looked at, or changed meanwhile.
        TargetExists, DiskFull, CannotWrite: about the target.
        VerificationFailed: the result is not right; it was removed.
        Cancelled: `should_cancel` said so.
    """
    began = time.monotonic()
    progress = CutProgress(on_progress, should_cancel)
    progress("index", 0.0)
    _check_target(request)
    identity = indexes.fingerprint(request.source)
    if request.fingerprint is not None and request.fingerprint != identity:
        raise RecordingChanged(f"{request.source.name} changed since it was looked at", "look at it again, then cut")
    index = indexes.get(request.source, request.program, lambda fraction: progress("index", fraction))
    is_container(request, index)
    try:
        with _threads_take_turns(), heap.kept_for_reuse():
            work, streams, proof = _proved(request, index, progress, lambda: _check_same(request, indexes, identity))
    except (VerificationFailed, FormatUnsupported, FileUnreadable):
        _check_same(request, indexes, identity)
        raise
    return _result(request, work, streams, proof, time.monotonic() - began)


@contextmanager
def _threads_take_turns() -> Iterator[None]:
    """Let Python's threads hand over more often: one that comes back from the disk waits 5 ms for its turn otherwise.

    A cut of 30 minutes takes 7 % less (measured). For the whole process, and so until nobody cuts any more.
    """
    global _cutting  # noqa: PLW0603 - it is the process that has one interval
    with _turns:
        _cutting += 1
        sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        with _turns:
            _cutting -= 1
            if not _cutting:
                sys.setswitchinterval(_USUAL_TURN_S)


def _check_same(request: CutRequest, indexes: Indexes, identity: str) -> None:
    """Raises RecordingChanged where the source is another file than before, FileUnreadable where it is gone."""
    if indexes.fingerprint(request.source) != identity:
        raise RecordingChanged(f"{request.source.name} changed while it was cut", "cut it again")


def _proved(
    request: CutRequest, index: MediaIndex, progress: CutProgress, check_same: Callable[[], None]
) -> tuple[_Work, tuple[StreamResult, ...], Verification]:
    """Render, prove, and move into place; where a keyframe turns out not to stand alone, without it once more."""
    avoided = Avoided()
    failed = ""
    whole = True
    attempts = _ATTEMPTS
    while attempts:
        plan = settled_plan(request.source, index, request.keep, request.mode, avoided)
        _check_space(request, index, plan)
        work = _Work(request, index, plan, make_schedule(index, plan), whole)
        progress.plan(CutWork.of(index, plan, work.schedule, at_once=not is_container(request, index)))
        heap.give_back()
        with _temporary(request) as temporary:
            try:
                made = work.render(temporary.file, progress)
            except Unpassable as unpassable:
                failed, whole = str(unpassable), False
                log.info("%s is taken apart: %s", request.source.name, failed)
                continue
            except Unfit as unfit:
                failed = unfit.line
                avoided.banned.add(unfit.row)
                attempts -= 1
                continue
            # What only the writing needed: the proof begins with large columns.
            heap.give_back()
            sync = _begin_sync(temporary.file)
            proof = prove_cut((request.source, index), temporary.path, made, progress)
            if proof.verification.ok:
                _wait_for(sync, progress)
                progress("move", 0.0)
                # Afterwards the recording's name may stand for the cut.
                work.warnings = (*plan_warnings(index, plan), *room_warnings(request.source, index, plan))
                work.nbytes = temporary.path.stat().st_size
                check_same()
                _deliver(temporary.path, request, index, plan)
                progress.finish()
                return work, made.streams, proof.verification
        failed = "; ".join(f"{c.name}: {c.detail}" for c in proof.verification.checks if not c.ok)
        if made.ledger is not None and made.ledger.passed:
            # Something in the recording is not as it must be in a result.
            log.info("%s is taken apart: %s", request.source.name, failed)
            whole = False
            continue
        attempts -= 1
        if not avoided.add({p.rows.start for p in proof.broken_parts if p.rows is not None}, plan, request.mode):
            break
    raise VerificationFailed(f"the result did not pass its checks ({failed})", "the original is untouched")


@dataclass(slots=True)
class _Work:
    request: CutRequest
    index: MediaIndex
    plan: Plan
    schedule: Schedule
    whole: bool
    """Whether stretches of the file may go along whole."""
    warnings: tuple[str, ...] = ()
    nbytes: int = 0

    def render(self, out: BinaryIO, progress: CutProgress) -> Made:
        """Write the result to `out`."""
        try:
            if is_container(self.request, self.index):
                watch = Watch(
                    partial(progress, "encode"), partial(progress, "write"), progress.should_cancel, progress.watch
                )
                streams = render_container(self.request, self.index, (self.plan, self.schedule), out, watch)
                return Made(self.plan, self.schedule, streams=streams)
            return self._spliced(out, progress)
        except OSError as error:
            if isinstance(error, PlexcutError):
                raise
            raise _cannot_write(error) from error

    def _spliced(self, out: BinaryIO, progress: CutProgress) -> Made:
        pictures = PictureSource(self.request.source, self.index, self.plan, self.schedule)
        try:
            progress.watch(pictures.spent)
            progress("encode", 0.0)
            pictures.encode_behind(progress.should_cancel)
            made_of = self.request.source, self.index, self.schedule, pictures
            splice = PassingSplice(*made_of, progress.ask) if self.whole else TransportSplice(*made_of)
            progress("write", 0.0)
            for fraction in splice.write(out):
                progress("write", fraction)
            return Made(self.plan, splice.schedule, splice.ledger, splice.results())
        finally:
            pictures.close()


def _result(
    request: CutRequest, work: _Work, streams: tuple[StreamResult, ...], proof: Verification, seconds: float
) -> CutResult:
    index, plan = work.index, work.plan
    duration_us = sum(int(index.times_us[s.span.end] - index.times_us[s.span.start]) for s in plan.spans)
    return CutResult(
        path=str(request.target.absolute()),
        duration_s=us_to_s(duration_us),
        frames=plan.keep.frames,
        frames_copied=plan.copied,
        frames_reencoded=plan.reencoded,
        bytes=work.nbytes,
        seconds=round(seconds, 3),
        verified=proof.ok,
        seams=proof.seams,
        streams=streams,
        checks=proof.checks,
        warnings=work.warnings,
    )


def _check_target(request: CutRequest) -> None:
    target = request.target
    try:
        if target.is_dir():
            raise CannotWrite(f"{target} is a folder", "name a file")
        if request.hand_over is not None:
            return
        local = request.source if isinstance(request.source, Path) else None
        if local is not None and target.exists() and local.exists() and target.samefile(local):
            raise TargetExists(f"{target} is the recording itself", "the original is never written to")
        if (target.exists() or target.is_symlink()) and not request.overwrite:
            raise TargetExists(f"{target} exists already", "choose another name")
        if not target.parent.is_dir():
            raise CannotWrite(f"the folder {target.parent} does not exist")
    except OSError as error:
        if isinstance(error, CannotWrite):
            raise
        raise _cannot_write(error) from None


def _check_space(request: CutRequest, index: MediaIndex, plan: Plan) -> None:
    kept = sum(int(index.times_us[s.span.end] - index.times_us[s.span.start]) for s in plan.spans)
    need = index.size_bytes * kept // max(1, index.time_us(index.frames)) + _RESERVE_BYTES
    try:
        free = shutil.disk_usage(request.target.parent).free
    except OSError as error:
        raise _cannot_write(error) from None
    if free < need:
        raise DiskFull(
            f"{request.target.parent} has {free >> 20} MB free, the result needs about {need >> 20} MB",
            "make room, or choose another folder",
        )


@dataclass(slots=True)
class _Temporary:
    path: Path
    file: BinaryIO


@contextmanager
def _temporary(request: CutRequest) -> Iterator[_Temporary]:
    """A file under a name of ours on the target's file system, locked while it is written; gone afterwards."""
    folder, made = _temporary_folder(request)
    path: Path | None = None
    try:
        try:
            handle, name = tempfile.mkstemp(prefix=".plexcut-", suffix=".part", dir=folder)
        except OSError as error:
            raise _cannot_write(error) from None
        path = Path(name)
        file = os.fdopen(handle, "w+b")
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _like_source(request.source, file)
            yield _Temporary(path, cast("BinaryIO", file))
        finally:
            # What is still to be written was synced before it counts, or does not count: a full disk may say so again.
            with contextlib.suppress(OSError):
                file.close()
    finally:
        if path is not None:
            path.unlink(missing_ok=True)
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()


def _temporary_folder(request: CutRequest) -> tuple[Path, list[Path]]:
    """Where the temporary file goes, and the folders to remove again if they are empty."""
    wanted, beside = request.temp_dir, request.target.parent
    if wanted is None:
        return beside, []
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if wanted.stat().st_dev == beside.stat().st_dev:
            return wanted, [wanted, wanted.parent]
    except OSError:
        return beside, []
    with contextlib.suppress(OSError):
        wanted.rmdir()
    return beside, []


def _like_source(source: Source, file: BinaryIO) -> None:
    """The source's permissions and, where we may, its owner."""
    if not isinstance(source, Path):
        return
    with contextlib.suppress(OSError):
        status = source.stat()
        os.fchmod(file.fileno(), status.st_mode & 0o777)
        os.fchown(file.fileno(), status.st_uid, status.st_gid)


def _begin_sync(file: BinaryIO) -> Sync:
    try:
        return Sync(file)
    except OSError as error:
        raise _cannot_write(error) from None


def _wait_for(sync: Sync, progress: CutProgress) -> None:
    """Until the file is on the disk."""
    try:
        while not sync.wait(_POLL_S):
            progress("verify", 1.0)
    except OSError as error:
        raise _cannot_write(error) from None


def _deliver(temporary: Path, request: CutRequest, index: MediaIndex, plan: Plan) -> None:
    """Give the finished file to who waits for it, or its name."""
    if request.hand_over is None:
        _move(temporary, request)
        return
    kept_us = tuple((index.time_us(s.span.start), index.time_us(s.span.end)) for s in plan.spans)
    request.hand_over(Rendered(temporary, kept_us, us_to_s(index.time_us(index.frames))))


def _move(temporary: Path, request: CutRequest) -> None:
    """Give the finished file its name, in one step; never over a file that came meanwhile."""
    target = request.target
    try:
        if request.overwrite:
            temporary.replace(target)
        else:
            _link(temporary, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise TargetExists(f"{target} exists already", "choose another name") from None
    except OSError as error:
        raise _cannot_write(error) from None


def _link(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
            raise
        if target.exists():
            raise FileExistsError(str(target)) from None
        temporary.rename(target)


def _cannot_write(error: OSError) -> CannotWrite:
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or (
        isinstance(error, av.FFmpegError) and "No space left" in str(error)
    ):
        return DiskFull("the disk is full", "make room, or choose another folder")
    return CannotWrite(f"the result cannot be written: {error.strerror or error}", "check the folder's permissions")
