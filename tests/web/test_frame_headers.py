"""Which frame a picture shows, as its headers say it."""

from __future__ import annotations

import pytest

from plexcut.domain.media import Picture
from plexcut.web.mapping import frame_headers


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (6170, {"X-Frame-Number": "6170", "X-Frame-Time": "123.400000"}),
        (0, {"X-Frame-Number": "0", "X-Frame-Time": "123.400000"}),
        (None, {"X-Frame-Provisional": "1", "X-Frame-Time": "123.400000"}),
    ],
)
def test_a_number_that_is_not_known_yet_is_left_out(number: int | None, wanted: dict[str, str]) -> None:
    picture = Picture(number, 123_400_000, 640, 360, b"", "image/jpeg")
    assert frame_headers(picture) == wanted
