"""What tests of setting up need: folders that cannot be written, a demo library that is there, a Plex server."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.demo.library import _MADE, _MARKER
from plexcut.demo.plan import DEMO_VERSION, Poster, posters, recordings
from tests.media_factory import Clip
from tests.plex.server import PlexStandIn, poster

TOKEN = "wizard-token-51c8"
FILMS = ("Harbour Light (2011)", "Zebra Crossing (2020)")
EPISODES = ("Night Ferry - S01E01 - Departure", "Night Ferry - S01E02 - Salt")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write into the folder, root included. Skips where that is not possible."""
    if os.geteuid() != 0:
        folder.chmod(0o500)
        try:
            yield
        finally:
            folder.chmod(0o700)
        return
    try:
        subprocess.run(["chattr", "+i", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("root writes everywhere")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(folder)], check=True)


def fake_demo(home: Path, clip: Clip) -> None:
    """A demo library that is whole, without the minute that making it takes."""
    demo = home / "data" / "demo"
    for item in (*posters(), *recordings()):
        path = demo / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(item, Poster):
            path.write_bytes(poster())
        else:
            shutil.copy(clip.path, path)
        with (demo / _MARKER).open("a", encoding="utf-8") as marker:
            marker.write(_MADE.format(version=DEMO_VERSION, path=item.path))


def fill_plex(plex: PlexStandIn, local: Path, clip: Clip) -> None:
    """Two films and two episodes, which Plex calls `/share/plexrecords/…` and which lie below `local`."""
    films = plex.add_section("Films", "movie", "/share/plexrecords/films")
    shows = plex.add_section("Shows", "show", "/share/plexrecords/shows")
    night = plex.add_show(shows, "Night Ferry")
    names = [f"films/{film}/{film}.ts" for film in FILMS]
    names += [f"shows/Night Ferry/Season 01/{episode}.ts" for episode in EPISODES]
    for number, name in enumerate(names):
        path = local / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Each is another file: bytes behind the last packet change nothing of what is seen.
        path.write_bytes(clip.path.read_bytes() + bytes(number))
        named = f"/share/plexrecords/{name}"
        plex.hand_out(named, path)
        if name.startswith("films"):
            plex.add_movie(films, FILMS[number].rpartition(" ")[0], [named], duration=4000)
        else:
            plex.add_episode(night, 1, number - 1, path.stem, [named], duration=4000)
