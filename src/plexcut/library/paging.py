"""Searching, sorting and paging of a listing that is held in memory."""

from __future__ import annotations

from collections.abc import Sequence

from plexcut.domain.catalog import Item, ItemQuery, Page
from plexcut.errors import UsageError
from plexcut.library.text import matches, sort_text

LIMIT_MAX = 1000


def check_query(query: ItemQuery) -> None:
    """Raises `UsageError` where offset or limit is out of bounds."""
    if query.offset < 0 or not 1 <= query.limit <= LIMIT_MAX:
        raise UsageError(
            f"offset {query.offset} and limit {query.limit} do not fit", f"offset from 0, limit from 1 to {LIMIT_MAX}"
        )


def page_of(items: Sequence[Item], query: ItemQuery) -> Page:
    """The stretch of `items` (sorted by title) that `query` asks for. What has no year or date comes last."""
    check_query(query)
    found = [item for item in items if matches(query.search, item.title)] if query.search.strip() else list(items)
    key, descending = query.sort.lstrip("-"), query.sort.startswith("-")
    if key == "title":
        found.sort(key=lambda item: sort_text(item.title), reverse=descending)
    else:
        with_value = [item for item in found if _value(item, key) is not None]
        with_value.sort(key=lambda item: _value(item, key) or 0, reverse=descending)
        found = with_value + [item for item in found if _value(item, key) is None]
    return Page(tuple(found[query.offset : query.offset + query.limit]), len(found))


def _value(item: Item, key: str) -> int | None:
    return item.year if key == "year" else item.added_at
