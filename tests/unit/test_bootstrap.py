"""The composition root: real adapters, wired up; and nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plexcut import bootstrap, config
from plexcut.config import Choices
from plexcut.errors import ConfigError, QueueOffline
from plexcut.plexdata import SelectionChange


def test_importing_it_costs_nothing() -> None:
    code = (
        "import sys, plexcut.bootstrap, plexcut.config\n"
        "heavy = {'av', 'numpy', 'sqlalchemy', 'alembic', 'quart', 'plexapi', 'rq', 'redis', 'jinja2', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert run.stdout.strip() == "[]"


def test_a_folder_is_served_while_the_queue_is_down(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    for name in ("Movies/One (2001).ts", "Movies/Two & a half (2002).ts", "Shows/Trip/Season 1/Trip S01E01.ts"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\x47" + b"\0" * 187)
    settings = config.load(Choices(library_dirs=(folder,)), {"PLEXCUT_DATA_DIR": str(tmp_path / "data")})
    with pytest.raises(ConfigError):
        bootstrap.build(settings)

    def movies() -> tuple[str, list[str]]:
        with bootstrap.lock(settings):
            plexdata = bootstrap.build(settings, queue_url="redis://127.0.0.1:1/0")
            try:
                plexdata.start()
                assert plexdata.wait_ready(20)
                health = plexdata.health()
                assert (health.status, health.queue_online, health.workers) == ("ok", False, 0)
                for call in (plexdata.progress, plexdata.jobs):
                    with pytest.raises(QueueOffline):
                        call()
                selection = plexdata.selection()
                if selection.movie is not None and "Two" not in selection.movie.title:
                    plexdata.update(None, SelectionChange(movie=selection.movies[-1].id))
                assert selection.movie is not None
                return selection.movie.title, [movie.title for movie in selection.movies]
            finally:
                plexdata.close()

    assert movies() == ("One", ["One", "Two & a half"])
    assert movies() == ("Two & a half", ["One", "Two & a half"])


def test_an_engine_without_a_place_for_its_indexes(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = config.load(Choices(), {"PLEXCUT_DATA_DIR": str(tmp_path / "file")})
    (tmp_path / "x.ts").write_bytes(b"\x47" + b"\0" * 187)
    assert bootstrap.engine(settings).fingerprint(tmp_path / "x.ts")
