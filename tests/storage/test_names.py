"""Names of spans in the database."""

from __future__ import annotations

from pathlib import Path

from plexcut.domain.naming import SpanName
from plexcut.storage.database import Database


def test_names_survive_and_are_replaced(tmp_path: Path) -> None:
    names = (SpanName(0, 100, "Teil 1 \N{EN DASH} \u00e4"), SpanName(100, 250, ""))
    database = Database(tmp_path / "plexcut.db")
    assert database.load_names("a~1") == ()
    database.save_names("a~1", names)
    database.close()
    again = Database(tmp_path / "plexcut.db")
    assert again.load_names("a~1") == names
    assert again.load_names("a~2") == ()
    again.save_names("a~1", names[:1])
    assert again.load_names("a~1") == names[:1]
    again.save_names("a~1", ())
    assert again.load_names("a~1") == ()
    again.close()
