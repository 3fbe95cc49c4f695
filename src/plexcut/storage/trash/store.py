"""`domain.filestore.FileStore`: replaces recordings, keeps what was replaced, brings it back."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from plexcut.domain.files import Files
from plexcut.domain.trash import Emptied, Rendered, Restored, Spot, TrashedFile, TrashEntry
from plexcut.errors import CannotWrite, DiskFull, FileUnreadable, NoOriginal, PlexcutError, RecordingBusy
from plexcut.storage.recorded import is_recorded_into
from plexcut.storage.trash.finding import Found, cut_of, entries_around, entries_of, next_sequence, original_of
from plexcut.storage.trash.journal import Item, Plan
from plexcut.storage.trash.known import KnownPlaces
from plexcut.storage.trash.places import RECORD, Place, place_for, places_around
from plexcut.storage.trash.records import Mark, Record
from plexcut.storage.trash.recovery import recover_place
from plexcut.storage.trash.retention import Retention, delete_entry
from plexcut.storage.trash.side_files import SideFile, side_files
from plexcut.storage.trash.swap import Swap

log = logging.getLogger(__name__)

_MTIME_STEP_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How a store works.

    `keep_days`: how long an original is kept, 0: until somebody deletes it. `output_folder` takes results whose
    recording's folder cannot be written. `tell` gets the lines of `recover`, whichever call settled something.
    """

    keep_days: int
    output_folder: Path | None = None
    tell: Callable[[str], None] | None = None
    clock: Callable[[], float] = time.time


class RecordingStore:
    """The trash and what fills it, on one file system interface. `known` remembers where trashes are."""

    def __init__(self, files: Files, known: KnownPlaces, settings: StoreSettings) -> None:
        self._files = files
        self._known = known
        self._tell = settings.tell
        self._output_folder = settings.output_folder
        self._clock = settings.clock
        self._retention = Retention(settings.keep_days, settings.clock)

    # -- a cut ------------------------------------------------------------------------------------------------------

    @contextmanager
    def hold(self, path: Path) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._files.hold(path))
            except BlockingIOError:
                raise RecordingBusy(
                    f"another process of plexcut works on {path.name}", "wait for it to end, then try again"
                ) from None
            except OSError as error:
                raise FileUnreadable(f"cannot read {path}: {error.strerror}", "check its permissions") from None
            yield

    @contextmanager
    def workspace(self, spot: Spot, name: str) -> Iterator[Path]:
        files = self._files
        place = self._place_for(spot.root, spot.path)
        folder = place.tmp / name
        with contextlib.ExitStack() as stack:
            with place.held(), _translated(f"nothing can be written in {place.folder}"):
                self._recover(place)
                files.make_folder(folder)
                stack.enter_context(files.lock(folder, 0.0))
                self._known.remember(Path(place.base))
            try:
                yield Path(folder)
            finally:
                stack.close()
                with contextlib.suppress(PlexcutError, OSError), place.held(make=False) as there:
                    if there:
                        self._recover(place)

    def writable(self, spot: Spot) -> Path:
        return Path(self._place_for(spot.root, spot.path).folder)

    def result_folder(self, spot: Spot, *, apart: bool = False) -> Path:
        if apart and self._output_folder is None:
            raise CannotWrite("there is no folder for results", "set cut.output_folder in the configuration")
        if not apart:
            try:
                self._place_for(spot.path.parent, spot.path)
            except CannotWrite:
                if self._output_folder is None:
                    raise
            else:
                return spot.path.parent
        assert self._output_folder is not None
        below = spot.path.parent.relative_to(spot.root) if spot.root in spot.path.parents else Path()
        folder = self._output_folder / below
        with _translated(f"the output folder {self._output_folder} cannot be used"):
            self._files.make_folder(folder)
            self._place_for(folder, folder / spot.path.name)
        return folder

    def use_output_folder(self, folder: Path | None) -> None:
        self._output_folder = folder

    def _place_for(self, root: Path, path: Path) -> Place:
        return place_for(self._files, root, path, lambda base: self._known.remember(Path(base)))

    def writing(self, path: Path) -> bool:
        try:
            return self._files.writing(path)
        except OSError as error:
            raise FileUnreadable(f"cannot read {path}: {error.strerror}", "is it still there?") from None

    def size_bytes(self, path: Path) -> int:
        try:
            status = self._files.status(path)
        except OSError as error:
            raise FileUnreadable(f"cannot read {path}: {error.strerror}", "is it still there?") from None
        if status is None:
            raise FileUnreadable(f"{path} is gone", "look at it again")
        return status.size_bytes

    def recorded_into(self, root: Path) -> bool:
        return is_recorded_into(root)

    def free_bytes(self, folder: Path) -> int | None:
        try:
            return self._files.free_bytes(folder)
        except OSError:
            return None

    def replace(self, spot: Spot, rendered: Rendered) -> str:
        with _translated("the recording cannot be replaced"):
            place = self._place_for(spot.root, spot.path)
            with place.held():
                self._known.remember(Path(place.base))
                self._recover(place)
                return self._replace(place, spot, rendered)

    def _replace(self, place: Place, spot: Spot, rendered: Rendered) -> str:
        files, path = self._files, spot.path
        status = files.status(path)
        if status is None or status.kind != "file":
            raise FileUnreadable(f"{path} is gone", "the finished cut is dropped")
        lost = files.dress(rendered.path, path)
        if lost:
            log.warning("%s: not carried over to the cut: %s", path.name, ", ".join(lost))
        made = files.status(rendered.path)
        if made is not None and made.mtime_ns <= status.mtime_ns:
            files.set_mtime(rendered.path, status.mtime_ns + _MTIME_STEP_NS)
        files.sync(rendered.path)
        old = Mark.of(files, path, status)
        sides = side_files(files, path, rendered.kept_us)
        main = Item(place.relative(path), _name(path), "recording", old, status.mtime_ns, Mark.of(files, rendered.path))
        items = (main, *(self._side_item(place, path, side) for side in sides))
        plan = Plan(self._new_id(), "cut", items)
        around = entries_around(files, spot)
        of = cut_of(around, old)
        record = Record(
            id=plan.id,
            path=main.target,
            kind="original" if of is None else "cut",
            sequence=next_sequence(around),
            trashed_at=self._clock(),
            duration_s=rendered.source_duration_s,
            files=tuple(_trashed(item) for item in items),
            result=main.new,
            after=of,
            kept_us=rendered.kept_us,
        )
        swap = Swap(files, place, plan)

        def bring() -> None:
            files.rename_new(rendered.path, swap.journal.new(0))
            for n, side in enumerate(sides, 1):
                if side.data is not None:
                    files.write(swap.journal.new(n), side.data)
                    files.dress(swap.journal.new(n), path.parent / side.name)
            files.sync_folder(swap.journal.folder)

        self._run(swap, bring, record)
        return plan.id

    def _side_item(self, place: Place, path: Path, side: SideFile) -> Item:
        beside = path.parent / side.name
        status = self._files.status(beside)
        assert status is not None
        old = Mark.of(self._files, beside, status)
        new = Mark.of_bytes(side.data) if side.data is not None else None
        return Item(place.relative(beside), side.name, side.role, old, status.mtime_ns, new)

    @staticmethod
    def _run(swap: Swap, bring: Callable[[], None], record: Record | None) -> None:
        """All steps; whatever interrupts them is settled at once, and at the next start where it cannot be."""
        try:
            swap.journal.begin(swap.plan)
            swap.put_away(record)
            bring()
            swap.commit()
        except BaseException as error:
            try:
                outcome = swap.settle()
            except OSError as again:
                raise CannotWrite(
                    f"replacing the recording was interrupted, and could not be undone: {again.strerror or again}",
                    "nothing is lost; the next start of plexcut settles it",
                ) from error
            if outcome == "undone":
                raise
            log.warning("%s came when the recording was replaced already", type(error).__name__)
            return
        try:
            swap.settle()
        except OSError as error:
            log.warning("the recording is replaced; what is left to do is done at the next start: %s", error)

    # -- restoring --------------------------------------------------------------------------------------------------

    def restore(self, spot: Spot, entry: str | None = None) -> Restored:
        with _translated("the original cannot be restored"), contextlib.ExitStack() as stack:
            status = self._files.status(spot.path)
            if status is not None:
                stack.enter_context(self.hold(spot.path))
            for place in places_around(self._files, spot.root, spot.path):
                with place.held(make=False) as there:
                    if there:
                        self._recover(place)
            found = original_of(self._files, spot, entry)
            with found.place.held():
                return self._restore(spot, found)

    def _restore(self, spot: Spot, found: Found) -> Restored:
        files, place, record = self._files, found.place, found.record
        if record.id not in files.names(place.trash):
            raise NoOriginal(f"the original of {spot.path.name} has just left the trash", "look at it again")
        files.make_folder(spot.path.parent)
        items = tuple(
            self._returning(place, spot, file)
            for file in sorted(record.files, key=lambda file: file.role != "recording")
            if files.status(found.path(file.name)) is not None
        )
        plan = Plan(self._new_id(), "restore", items, source_entry=record.id)
        leaving = [item for item in items if item.old is not None]
        cut = Record(
            id=plan.id,
            path=items[0].target,
            kind="cut",
            sequence=next_sequence(entries_around(files, spot)),
            trashed_at=self._clock(),
            duration_s=None,
            files=tuple(_trashed(item) for item in leaving),
            after=record.id,
        )
        swap = Swap(files, place, plan)
        self._run(swap, swap.bring_from_trash, cut if leaving else None)
        return Restored(spot.path, record.duration_s, record.id, record.kept_us)

    def _returning(self, place: Place, spot: Spot, file: TrashedFile) -> Item:
        target = spot.path if file.role == "recording" else spot.path.parent / file.name
        status = self._files.status(target)
        if status is not None and status.kind != "file":
            raise CannotWrite(f"{target} is in the way", "move it, then try again")
        old = Mark.of(self._files, target, status) if status is not None else None
        new = Mark(file.size_bytes, file.digest)
        mtime_ns = status.mtime_ns if status is not None else 0
        return Item(place.relative(target), _name(target), file.role, old, mtime_ns, new, source=file.name)

    # -- the trash --------------------------------------------------------------------------------------------------

    def entries(self, roots: Iterable[Path]) -> tuple[TrashEntry, ...]:
        found = [one for place in self._places(roots) for one in entries_of(self._files, place)]
        shown = [self._entry(one) for one in found]
        return tuple(sorted(shown, key=lambda entry: (-entry.trashed_at, entry.id)))

    def delete(self, roots: Iterable[Path], wanted: frozenset[str] | None = None) -> Emptied:
        return self._delete(roots, lambda record: wanted is None or record.id in wanted)

    def expire(self, roots: Iterable[Path]) -> Emptied:
        return self._delete(roots, self._retention.is_over, self._retention.note)

    def recover(self, roots: Iterable[Path]) -> tuple[str, ...]:
        told: list[str] = []
        for place in self._places(roots):
            try:
                with place.held(make=False) as there:
                    if there:
                        told += self._recover(place)
                if not place.exists():
                    self._known.forget(Path(place.base))
            except (PlexcutError, OSError) as error:
                log.warning("%s cannot be looked after now: %s", place.folder, error)
        return tuple(told)

    def _recover(self, place: Place) -> list[str]:
        lines = recover_place(self._files, place)
        for line in lines:
            if self._tell is not None:
                self._tell(line)
        return lines

    def _delete(
        self,
        roots: Iterable[Path],
        wanted: Callable[[Record], bool],
        note: Callable[[Files, PurePath, Record], None] | None = None,
    ) -> Emptied:
        deleted: list[str] = []
        kept: list[str] = []
        freed = 0
        for place in self._places(roots):
            with _translated("the trash cannot be emptied"), place.held(make=False) as there:
                if not there:
                    continue
                self._recover(place)
                for found in entries_of(self._files, place):
                    if note is not None:
                        note(self._files, place.trash / found.record.id / RECORD, found.record)
                    if wanted(found.record):
                        nbytes, left = delete_entry(self._files, place, found.record)
                        freed += nbytes
                        kept += left
                        deleted += [] if left else [found.record.id]
        return Emptied(tuple(deleted), freed, tuple(kept))

    def _places(self, roots: Iterable[Path]) -> list[Place]:
        """The places of these folders, and those known to be below them."""
        wanted = [Path(root) for root in roots]
        below = [base for base in self._known.bases() if any(base == root or root in base.parents for root in wanted)]
        bases = dict.fromkeys([*wanted, *below])
        return [place for base in bases if self._is_there(place := Place(self._files, base))]

    @staticmethod
    def _is_there(place: Place) -> bool:
        """Whether a place is there; one on a share that is away is not, for now."""
        try:
            return place.exists()
        except OSError as error:
            log.info("%s cannot be looked at now: %s", place.folder, error.strerror)
            return False

    def _entry(self, found: Found) -> TrashEntry:
        record, place = found.record, found.place
        return TrashEntry(
            id=record.id,
            path=Path(place.absolute(record.path)),
            kind=record.kind,
            sequence=record.sequence,
            trashed_at=record.trashed_at,
            expires_at=self._retention.expires_at(record),
            duration_s=record.duration_s,
            files=record.files,
            folder=Path(place.trash / record.id),
        )

    def _new_id(self) -> str:
        return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(self._clock()))}-{os.urandom(4).hex()}"


def _name(path: PurePath) -> str:
    """A file's name in the trash."""
    return f"_{path.name}" if path.name == RECORD else path.name


def _trashed(item: Item) -> TrashedFile:
    assert item.old is not None
    return TrashedFile(item.name, item.role, item.old.size_bytes, item.old_mtime_ns, item.old.digest)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except PlexcutError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{what}: the disk is full", "make room; the original is untouched") from None
        reason = error.strerror or str(error)
        raise CannotWrite(f"{what}: {reason}", "check the folder's permissions; the original is untouched") from None
