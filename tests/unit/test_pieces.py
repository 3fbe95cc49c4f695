"""What HTTP says of a piece of a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plexcut.domain.pieces import Extent, extent_of, hashed, range_header, version_of


@pytest.mark.parametrize(
    ("status", "said", "extent"),
    [
        (206, "bytes 100-199/1000", Extent(100, 200, 1000)),
        (206, "Bytes  100-199/1000 ", Extent(100, 200, 1000)),
        (206, "bytes 100-149/150", Extent(100, 150, 150)),
        (416, "bytes */50", Extent(100, 100, 50)),
        (206, "bytes 101-199/1000", None),
        (206, "bytes 100-200/1000", None),
        (206, "bytes 100-199/150", None),
        (206, "bytes 100-99/1000", None),
        (206, "bytes 100-199/*", None),
        (206, "bytes */50", None),
        (416, "bytes 100-199/1000", None),
        (200, "bytes 100-199/1000", None),
        (206, "", None),
        (206, "bytes=100-199/1000", None),
        (206, "bytes 100-199/99999999999999999999", None),
    ],
)
def test_extents(status: int, said: str, extent: Extent | None) -> None:
    assert extent_of(status, {"Content-Range": said}, 100, 100) == extent


def test_a_missing_header() -> None:
    assert extent_of(206, {}, 0, 1) is None
    assert range_header(5, 10) == "bytes=5-14"


@given(st.sampled_from([200, 206, 416]), st.text(max_size=40), st.integers(0, 10), st.integers(1, 10))
def test_nothing_said_breaks_it(status: int, said: str, start: int, size: int) -> None:
    extent = extent_of(status, {"Content-Range": said}, start, size)
    assert extent is None or start == extent.start <= extent.end <= start + size


def test_versions() -> None:
    at = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert version_of({"Last-Modified": at, "ETag": '"a"'}, "x") == 784_111_777_000_000_000
    for wrong in ("", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT"):
        assert version_of({"Last-Modified": wrong, "ETag": '"a"'}, "x") == hashed('"a"')
    assert version_of({}, "x") == hashed("x") != hashed("y")
    assert 0 <= hashed("\ud800") < 1 << 56
