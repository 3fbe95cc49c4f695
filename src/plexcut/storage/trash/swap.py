"""One replacement: the old file into the trash, the new one into its place, and no moment without a file.

1. The plan is written down and synced.
2. What is to come is moved into the journal; what is to go gets a second name in the trash; all is synced.
3. The new file and the recording are exchanged in one step: from here on it is done, before it nothing was. What came
   out is looked at: if it is not the very file that was to go, because somebody put another one there in the last
   moment, the two are exchanged back.
4. Side files follow; what was restored leaves the trash; the plan is forgotten.

Without hard links 2 gives no second name, and what was exchanged goes into the trash in 4. Where nothing can be
exchanged (network shares) the new file is renamed over the recording, after a last look; with neither the recording is
renamed into the trash first, and looked at there. Whoever finds a plan later looks at the recording: if it is the new
one the rest is done, if it is the old one all is undone; and if it is the new one but a third file came out, that one
goes back. Files are told apart by size and content, never by name.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from pathlib import PurePath
from typing import Literal

from plexcut.domain.files import Files
from plexcut.errors import RecordingChanged
from plexcut.storage.trash.journal import Item, Journal, Plan
from plexcut.storage.trash.places import RECORD, RECORD_DRAFT, Place
from plexcut.storage.trash.records import Mark, Record, Unreadable, is_marked, parse_record

log = logging.getLogger(__name__)

State = Literal["old", "new", "none", "other"]
Outcome = Literal["finished", "undone"]
_CANNOT = (
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EINVAL,
    errno.EXDEV,
)
"""How file systems say that they have no links, or no exchange, or none for us (protected_hardlinks)."""


class Swap:
    """A plan and its steps. By who holds the place."""

    def __init__(self, files: Files, place: Place, plan: Plan) -> None:
        self.files = files
        self.place = place
        self.plan = plan
        self.journal = Journal(files, place, plan.id)
        self.entry = place.trash / plan.id
        self.source = place.trash / plan.source_entry if plan.source_entry is not None else None

    # -- forth ------------------------------------------------------------------------------------------------------

    def put_away(self, record: Record | None) -> None:
        """Give what is to go its second name in the trash, where that is possible, and write the record."""
        files = self.files
        if record is None:
            return
        files.make_folder(self.entry)
        for item in self.plan.items:
            self._check_unchanged(item)
            if item.old is not None:
                self._link(self._target(item), self.entry / item.name)
        files.write(self.entry / RECORD, record.text())
        for folder in (self.entry, self.place.trash, self.place.folder, self.place.base):
            files.sync_folder(folder)

    def bring_from_trash(self) -> None:
        """Give what is restored its name in the journal."""
        assert self.source is not None
        for n, item in enumerate(self.plan.items):
            if item.source is not None and not self._link(self.source / item.source, self.journal.new(n)):
                self.files.rename_new(self.source / item.source, self.journal.new(n))
        self.files.sync_folder(self.journal.folder)

    def commit(self) -> None:
        """The one step."""
        files, item, new = self.files, self.plan.main, self.journal.new(0)
        target, away = self._target(item), self.entry / item.name
        if item.old is None:
            files.rename_new(new, target)
        else:
            self._check_unchanged(item)
            kept = files.status(away)
            found = files.status(target)
            if kept is not None and (found is None or found.identity != kept.identity):
                raise self._replaced()
            try:
                files.exchange(new, target)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                self._commit_by_renames(has_second_name=kept is not None)
            else:
                if not self._is_old(new) or (kept is not None and not self._is_one(new, away)):
                    self._exchange_back()
                    raise self._replaced()
        files.sync_folder(target.parent)
        files.sync_folder(self.journal.folder)

    def _commit_by_renames(self, *, has_second_name: bool) -> None:
        """Where nothing can be exchanged. With a second name there is no moment without a file, but whoever puts a file
        there between the last look and the rename loses it; without one it is the other way round.
        """
        item, new = self.plan.main, self.journal.new(0)
        target, away = self._target(item), self.entry / item.name
        if has_second_name:
            self.files.rename(new, target)
            return
        self.files.rename_new(target, away)
        if not self._is_old(away):
            raise self._replaced()
        self.files.rename_new(new, target)

    def _exchange_back(self) -> None:
        """What came out is not what was to go: back with it. Of two files of others the later one has the name then."""
        item, new = self.plan.main, self.journal.new(0)
        target = self._target(item)
        self.files.exchange(new, target)
        if item.new is not None and not is_marked(self.files, new, item.new):
            self.files.exchange(new, target)
        for folder in (target.parent, self.journal.folder):
            self.files.sync_folder(folder)

    def _replaced(self) -> RecordingChanged:
        name = PurePath(self.plan.main.target).name
        return RecordingChanged(f"{name} was replaced at the last moment", "look at it again")

    def _link(self, old: PurePath, new: PurePath) -> bool:
        try:
            self.files.link(old, new)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            return False
        return True

    def _check_unchanged(self, item: Item) -> None:
        found = self.files.status(self._target(item))
        if item.old is None:
            same = found is None
        else:
            same = found is not None and (found.size_bytes, found.mtime_ns) == (item.old.size_bytes, item.old_mtime_ns)
        if not same:
            name = PurePath(item.target).name
            raise RecordingChanged(f"{name} changed at the last moment", "look at it again, then try again")

    # -- afterwards -------------------------------------------------------------------------------------------------

    def settle(self) -> Outcome:
        """Finish what is done, undo what is not; as often as wanted.

        Raises:
            OSError: it cannot be now; the plan stays, and everything that was there before too.
        """
        state = self._state(0, self.plan.main)
        if state == "new" and self._took_another():
            self._exchange_back()
            state = self._state(0, self.plan.main)
        if state == "none":
            state = self._mend()
        if state == "new":
            self._finish()
            return "finished"
        if state == "other":
            self._take_away(0, self.plan.main)
            if self._is_away(self.plan.main):
                self._keep_both()
                return "undone"
        self._undo()
        return "undone"

    def _mend(self) -> State:
        """There is no recording: it was between two renames, or somebody took it away."""
        item, new = self.plan.main, self.journal.new(0)
        if item.new is not None and is_marked(self.files, new, item.new) and (item.old is None or self._is_away(item)):
            self.files.rename_new(new, self._target(item))
            self.files.sync_folder(self._target(item).parent)
            return "new"
        return "none"

    def _finish(self) -> None:
        files = self.files
        main = self.plan.main
        self._take_away(0, main)
        for n, item in enumerate(self.plan.items[1:], 1):
            self._finish_side(n, item)
        for folder in {self._target(item).parent for item in self.plan.items}:
            files.sync_folder(folder)
        if files.status(self.entry) is not None:
            files.sync_folder(self.entry)
        if self.source is not None:
            self._leave_source(self.source)
        self._clear_journal()

    def _keep_both(self) -> None:
        """Somebody put a third file there: it stays, and the old one stays in the trash."""
        log.warning("%s was replaced by somebody else and stays as it is", self._target(self.plan.main).name)
        if self.source is not None:
            self._give_back(self.source)
        self._clear_journal()

    def _take_away(self, n: int, item: Item) -> None:
        """What was exchanged waits in the journal: into the trash with it, where it may have a second name already."""
        new, away = self.journal.new(n), self.entry / item.name
        if item.old is None:
            return
        if self.files.status(away) is not None:
            if self._is_one(new, away):
                self.files.unlink(new)
            return
        if is_marked(self.files, new, item.old):
            self.files.rename_new(new, away)
            self.files.sync_folder(self.entry)
            self.files.sync_folder(self.journal.folder)

    def _finish_side(self, n: int, item: Item) -> None:
        files, target, away, new = self.files, self._target(item), self.entry / item.name, self.journal.new(n)
        state = self._state(n, item)
        if item.new is not None and files.status(new) is None and state in ("old", "none"):
            if self.source is None or item.source is None or files.status(self.source / item.source) is None:
                log.warning("what was to become %s is gone; it stays as it is", target.name)
                return
            new = self.source / item.source
        if state == "old":
            if files.status(away) is None:
                files.rename_new(target, away)
                files.sync_folder(self.entry)
            elif item.new is None:
                files.unlink(target)
                return
            else:
                files.rename(new, target)
                return
            state = "none"
        if state == "none" and item.new is not None and is_marked(files, new, item.new):
            files.rename_new(new, target)
        elif state == "other":
            log.warning("%s was changed meanwhile and stays as it is", target.name)

    def _undo(self) -> None:
        """Everything as it was."""
        files = self.files
        for item in self.plan.items:
            target, away = self._target(item), self.entry / item.name
            if files.status(away) is None:
                continue
            if item.old is not None and files.status(target) is None:
                files.rename_new(away, target)
                files.sync_folder(target.parent)
            elif self._is_same(away, target, item.old):
                files.unlink(away)
        self._remove_entry(self.entry)
        if self.source is not None:
            self._give_back(self.source)
        self._clear_journal()

    # -- what is left -----------------------------------------------------------------------------------------------

    def _give_back(self, source: PurePath) -> None:
        """What was moved from the trash into the journal goes back."""
        for n, item in enumerate(self.plan.items):
            new = self.journal.new(n)
            if item.source is None or self.files.status(new) is None:
                continue
            if self._is_same(new, self._target(item), item.new):
                continue
            self.files.make_folder(source)
            if self.files.status(source / item.source) is None:
                self.files.rename_new(new, source / item.source)
                self.files.sync_folder(source)

    def _leave_source(self, source: PurePath) -> None:
        """What came back leaves the trash; what did not, stays there with a record that says so."""
        files = self.files
        self._give_back(source)
        for item in self.plan.items:
            if item.source is None or files.status(source / item.source) is None:
                continue
            if self._is_same(source / item.source, self._target(item), item.new):
                files.unlink(source / item.source)
        with contextlib.suppress(Unreadable, FileNotFoundError):
            record = parse_record(files.read(source / RECORD))
            left = tuple(file for file in record.files if files.status(source / file.name) is not None)
            if left and left != record.files:
                log.warning("%d file(s) of entry %s stay in the trash", len(left), record.id)
            if left:
                return
        self._remove_entry(source)

    def _remove_entry(self, entry: PurePath) -> None:
        """An entry without files."""
        names = self.files.names(entry)
        if set(names) - {RECORD, RECORD_DRAFT}:
            return
        for name in names:
            self.files.unlink(entry / name)
        with contextlib.suppress(FileNotFoundError):
            self.files.remove_folder(entry)
            self.files.sync_folder(self.place.trash)

    def _clear_journal(self) -> None:
        """Remove what nobody needs: new files of a cut, and second names of what lies elsewhere.

        A side file of a cut may be half written. The recording's name may stand for the original, after an exchange.
        """
        for n, item in enumerate(self.plan.items):
            new = self.journal.new(n)
            found = self.files.status(new)
            if found is None:
                continue
            elsewhere = [self._target(item)]
            if self.source is not None and item.source is not None:
                elsewhere.append(self.source / item.source)
            ours = self.plan.operation == "cut" and (
                n > 0 or (item.new is not None and is_marked(self.files, new, item.new))
            )
            if ours or any(self._is_same(new, other, item.new) for other in elsewhere):
                self.files.unlink(new)
            else:
                log.warning("%s is not what was put there and stays", new)
        self.files.sync_folder(self.journal.folder)
        self.journal.end()

    # -- looking ----------------------------------------------------------------------------------------------------

    def _target(self, item: Item) -> PurePath:
        return self.place.absolute(item.target)

    def _is_old(self, path: PurePath) -> bool:
        """Whether this is the recording as it was when the plan was made."""
        item, found = self.plan.main, self.files.status(path)
        if item.old is None or found is None or found.kind != "file" or found.mtime_ns != item.old_mtime_ns:
            return False
        return is_marked(self.files, path, item.old)

    def _took_another(self) -> bool:
        """Whether the new file is in its place, and a file of somebody else came out of it."""
        main, new = self.plan.main, self.journal.new(0)
        if main.old is None or self.files.status(new) is None or self._is_one(new, self._target(main)):
            return False
        return not is_marked(self.files, new, main.old)

    def _is_one(self, one: PurePath, other: PurePath) -> bool:
        """Whether both are names of one file, as far as the file system tells."""
        first, second = self.files.status(one), self.files.status(other)
        return first is not None and second is not None and first.identity == second.identity != ""

    def _is_away(self, item: Item) -> bool:
        return item.old is not None and is_marked(self.files, self.entry / item.name, item.old)

    def _state(self, n: int, item: Item) -> State:
        found = self.files.status(self._target(item))
        if found is None:
            return "none"
        for path, state in ((self.entry / item.name, "old"), (self.journal.new(n), "new")):
            other = self.files.status(path)
            if other is not None and other.identity and other.identity == found.identity:
                return "old" if state == "old" else "new"
        for mark, state in ((item.new, "new"), (item.old, "old")):
            if mark is not None and is_marked(self.files, self._target(item), mark):
                return "new" if state == "new" else "old"
        return "other"

    def _is_same(self, one: PurePath, other: PurePath, mark: Mark | None) -> bool:
        """Whether both are one file, or both are what the mark says."""
        first, second = self.files.status(one), self.files.status(other)
        if first is None or second is None:
            return False
        if first.identity and first.identity == second.identity:
            return True
        return mark is not None and is_marked(self.files, one, mark) and is_marked(self.files, other, mark)
