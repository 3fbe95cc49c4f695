"""Keep lists and the states that they had before, on a connection in a transaction.

Every save writes a row into `keep_states`, undo and redo too, so that any revision can be looked up. A row knows the
revisions whose lists undo and redo lead to. What was saved for one state of the file (`fingerprint`) leads to what was
saved for the same state only: frames of another file mean something else.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from plexcut.domain.naming import SpanName
from plexcut.domain.ports import KeepHistory, KeepStep, SavedKeep
from plexcut.errors import NothingToUndo, StaleRevision
from plexcut.storage import names
from plexcut.storage.tables import keep_states, keeps

STATES_KEPT = 2000
"""So many saves of a recording are remembered, undo and redo among them."""

Frames = tuple[tuple[int, int], ...]


def load(connection: Connection, recording: str) -> SavedKeep:
    """The saved list; empty with revision 0 where there is none."""
    found = connection.execute(
        select(keeps.c.keep, keeps.c.revision, keeps.c.fingerprint).where(keeps.c.recording == recording)
    ).one_or_none()
    return (
        SavedKeep((), 0, None) if found is None else SavedKeep(_frames(found.keep), found.revision, found.fingerprint)
    )


def at_revision(connection: Connection, recording: str, revision: int) -> SavedKeep | None:
    """The list as it was at `revision`; None where that is forgotten."""
    found = _state(connection, recording, revision)
    return None if found is None else SavedKeep(_frames(found.keep), revision, found.fingerprint)


def save(connection: Connection, recording: str, new: SavedKeep, label: str) -> SavedKeep:
    """Save `new.keep` over `new.revision`, with its names where it says any. Raises `StaleRevision`."""
    before = load(connection, recording)
    called = names.load(connection, recording)
    same_names = new.names is None or new.names == called
    _write(connection, recording, new)
    _remember_first(connection, recording, before)
    current = _state(connection, recording, before.revision)
    same_file = before.fingerprint in (None, new.fingerprint) or before.revision == 0
    state: dict[str, Any] = {"undo_to": None, "redo_to": None, "label": label}
    if same_file and before.keep == new.keep and same_names and current is not None:
        state = {"undo_to": current.undo_to, "redo_to": current.redo_to, "label": current.label}
    elif same_file:
        state["undo_to"] = before.revision
    else:
        state["undo_to"] = _newest_of(connection, recording, new.fingerprint)
    if new.names is None:
        new = replace(new, names=called)
    elif not same_names:
        names.save(connection, recording, new.names)
    return _add(connection, recording, new, state)


def rename(connection: Connection, recording: str, called: tuple[SpanName, ...]) -> None:
    """The spans of the saved state are called so; that is no step of its own."""
    names.save(connection, recording, called)
    here = (keep_states.c.recording == recording) & (keep_states.c.revision == load(connection, recording).revision)
    connection.execute(update(keep_states).where(here).values(names=names.written(called)))


def step(connection: Connection, recording: str, revision: int, steps: int) -> SavedKeep:
    """Go `steps` back (negative) or forth, as far as that is possible, from `revision`.

    Raises:
        StaleRevision: the saved list has another revision. NothingToUndo: not even one step is possible.
    """
    before = load(connection, recording)
    if before.revision != revision:
        raise _stale()
    _remember_first(connection, recording, before)
    done = before
    for _ in range(abs(steps)):
        current = _state(connection, recording, done.revision)
        following = None if current is None else (current.undo_to if steps < 0 else current.redo_to)
        target = None if following is None else _state(connection, recording, following)
        if current is None or target is None:
            break
        new = SavedKeep(_frames(target.keep), done.revision, target.fingerprint, names.read(target.names))
        _write(connection, recording, new)
        # The way on is the target's own; back from an undo leads to the state that is left.
        redo_to = current.revision if steps < 0 else target.redo_to
        done = _add(connection, recording, new, {"undo_to": target.undo_to, "redo_to": redo_to, "label": target.label})
    if done is not before and done.names is not None:
        names.save(connection, recording, done.names)
    if done is before:
        raise NothingToUndo(
            f"there is nothing to {'undo' if steps < 0 else 'do again'}", "the keep list stays as it is"
        )
    return done


def recall(connection: Connection, recording: str, fingerprint: str) -> SavedKeep | None:
    """The file is again what it was: so is its list, with its names and with what undo and redo led to.

    None where the saved list is of that state already, or none of it is remembered.
    """
    before = load(connection, recording)
    newest = None if before.fingerprint in (None, fingerprint) else _newest_of(connection, recording, fingerprint)
    target = None if newest is None else _state(connection, recording, newest)
    if target is None:
        return None
    called = names.read(target.names)
    new = SavedKeep(_frames(target.keep), before.revision, fingerprint, called)
    _write(connection, recording, new)
    if called is not None:
        names.save(connection, recording, called)
    links = {"undo_to": target.undo_to, "redo_to": target.redo_to, "label": target.label}
    return _add(connection, recording, new, links)


def history(connection: Connection, recording: str, limit: int) -> KeepHistory:
    """The saved list amid what undo and redo lead to, oldest first, `limit` states in each direction at most."""
    saved = load(connection, recording)
    current = _state(connection, recording, saved.revision)
    if current is None:
        return KeepHistory(saved, (KeepStep(saved, "", None),), 0)
    undo = _chain(connection, recording, current.undo_to, "undo_to", limit)
    redo = _chain(connection, recording, current.redo_to, "redo_to", limit)
    rows = [*reversed(undo), current, *redo]
    steps = tuple(
        KeepStep(
            SavedKeep(_frames(row.keep), row.revision, row.fingerprint, names.read(row.names)), row.label, row.saved_at
        )
        for row in rows
    )
    return KeepHistory(saved, steps, len(undo))


def _chain(connection: Connection, recording: str, revision: int | None, link: str, limit: int) -> list[Any]:
    rows: list[Any] = []
    while revision is not None and len(rows) < limit:
        row = _state(connection, recording, revision)
        if row is None:
            break
        rows.append(row)
        revision = getattr(row, link)
    return rows


def _write(connection: Connection, recording: str, new: SavedKeep) -> None:
    values = {
        "keep": [list(span) for span in new.keep],
        "revision": new.revision + 1,
        "fingerprint": new.fingerprint,
        "saved_at": time.time(),
    }
    there = (keeps.c.recording == recording) & (keeps.c.revision == new.revision)
    saved = connection.execute(update(keeps).where(there).values(**values)).rowcount == 1
    if not saved and new.revision == 0:
        first = sqlite_insert(keeps).values(recording=recording, **values).on_conflict_do_nothing()
        saved = connection.execute(first).rowcount == 1
    if not saved:
        raise _stale()


def _remember_first(connection: Connection, recording: str, before: SavedKeep) -> None:
    """What was there before the first state that is remembered: nothing, or the list of an older plexcut."""
    values = {
        "keep": [list(span) for span in before.keep],
        "fingerprint": before.fingerprint,
        "saved_at": time.time(),
        "label": "",
        "names": names.written(names.load(connection, recording)),
    }
    first = sqlite_insert(keep_states).values(recording=recording, revision=before.revision, **values)
    connection.execute(first.on_conflict_do_nothing())


def _add(connection: Connection, recording: str, new: SavedKeep, state: dict[str, Any]) -> SavedKeep:
    revision = new.revision + 1
    row = {
        "recording": recording,
        "revision": revision,
        "keep": [list(span) for span in new.keep],
        "fingerprint": new.fingerprint,
        "saved_at": time.time(),
        "names": None if new.names is None else names.written(new.names),
        **state,
    }
    connection.execute(insert(keep_states).values(**row))
    old = (keep_states.c.recording == recording) & (keep_states.c.revision <= revision - STATES_KEPT)
    connection.execute(delete(keep_states).where(old))
    return SavedKeep(new.keep, revision, new.fingerprint, new.names)


def _state(connection: Connection, recording: str, revision: int) -> Any:
    wanted = (keep_states.c.recording == recording) & (keep_states.c.revision == revision)
    return connection.execute(select(keep_states).where(wanted)).one_or_none()


def _newest_of(connection: Connection, recording: str, fingerprint: str | None) -> int | None:
    """The last state of the same file, before it was another one for a while."""
    wanted = (keep_states.c.recording == recording) & (keep_states.c.fingerprint == fingerprint)
    found = connection.execute(
        select(keep_states.c.revision).where(wanted).order_by(keep_states.c.revision.desc()).limit(1)
    ).scalar()
    return None if found is None else int(found)


def _frames(stored: Any) -> Frames:
    return tuple((int(a), int(b)) for a, b in stored)


def _stale() -> StaleRevision:
    return StaleRevision(
        "the keep list was changed by somebody else since it was read", "read it again, then save yours over it"
    )
