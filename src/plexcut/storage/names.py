"""Names of spans, on a connection in a transaction."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from plexcut.domain.naming import SpanName
from plexcut.storage.tables import span_names


def load(connection: Connection, recording: str) -> tuple[SpanName, ...]:
    """The names of a recording's spans; () where there are none."""
    found = connection.execute(select(span_names.c.names).where(span_names.c.recording == recording)).scalar()
    return read(found) or ()


def save(connection: Connection, recording: str, names: tuple[SpanName, ...]) -> None:
    """Put `names` in place of what there was."""
    if not names:
        connection.execute(delete(span_names).where(span_names.c.recording == recording))
        return
    values = {"names": written(names), "saved_at": time.time()}
    new = sqlite_insert(span_names).values(recording=recording, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["recording"], set_=values))


def written(names: tuple[SpanName, ...]) -> list[list[int | str]]:
    """Names as they are stored."""
    return [[one.start, one.end, one.name] for one in names]


def read(stored: Any) -> tuple[SpanName, ...] | None:
    """Names as they were stored; None where none were."""
    return None if stored is None else tuple(SpanName(int(start), int(end), str(name)) for start, end, name in stored)
