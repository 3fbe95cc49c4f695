"""A cut in place and a restore, stopped at every step, in every way: nothing is ever lost.

After each stop plexcut starts again, and then there is the original or the finished cut, bit for bit, and no file of
ours besides the trash.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from plexcut.domain.trash import Rendered, Spot
from plexcut.errors import PlexcutError
from plexcut.storage.trash.known import KnownPlaces
from plexcut.storage.trash.store import RecordingStore, StoreSettings
from tests.storage.model_files import JournaledModel, ModelFiles, PowerLoss, random_bytes

ROOT = Path("/lib")
FILM = ROOT / "Show" / "Film.ts"
SPOT = Spot(FILM, ROOT)
ORIGINAL, CUT = random_bytes(1, 3000), random_bytes(2, 2000)
SRT = b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n2\n00:00:05,000 --> 00:00:06,000\nworld\n"
CUT_SRT = b"1\n00:00:01,000 --> 00:00:02,000\nhello\n"
EDL, NFO = b"0 1 0\n", b"<movie/>"
BEFORE = {
    "/lib/Show/Film.ts": ORIGINAL,
    "/lib/Show/Film.en.srt": SRT,
    "/lib/Show/Film.edl": EDL,
    "/lib/Show/Film.nfo": NFO,
}
AFTER = {"/lib/Show/Film.ts": CUT, "/lib/Show/Film.en.srt": CUT_SRT, "/lib/Show/Film.nfo": NFO}
MODES = {
    "both": frozenset[str](),
    "links": frozenset({"exchange"}),
    "exchange": frozenset({"link"}),
    "renames": frozenset({"link", "exchange"}),
}


def world(cannot: frozenset[str], *, loose: bool = False) -> ModelFiles:
    files = ModelFiles(cannot) if loose else JournaledModel(cannot)
    for path, data in BEFORE.items():
        files.put(Path(path), data)
    return files


def store(files: ModelFiles) -> RecordingStore:
    return RecordingStore(files, KnownPlaces(None), StoreSettings(30))


def cut(files: ModelFiles) -> None:
    ours = store(files)
    with ours.workspace(SPOT, "job") as folder:
        made = folder / ".plexcut-1.part"
        files.write(made, CUT)
        try:
            ours.replace(SPOT, Rendered(made, ((0, 4_000_000),), 10.0))
        finally:
            if files.status(made) is not None:
                files.unlink(made)


def restore(files: ModelFiles) -> None:
    store(files).restore(SPOT)


def beside_trash(files: ModelFiles) -> dict[str, bytes]:
    return {path: data for path, data in files.tree().items() if "/.plexcut/trash/" not in path}


def in_trash(files: ModelFiles) -> list[bytes]:
    return sorted(
        data for path, data in files.tree().items() if "/.plexcut/trash/" in path and not path.endswith("record.json")
    )


def check_cut(files: ModelFiles) -> str:
    """Start again; which of the two it is."""
    assert FILM.as_posix() in files.tree() or ORIGINAL in files.tree().values()
    store(files).recover([ROOT, FILM.parent])
    left = beside_trash(files)
    if left[FILM.as_posix()] == CUT:
        assert left == AFTER
        assert in_trash(files) == sorted([ORIGINAL, SRT, EDL])
        (entry,) = store(files).entries([ROOT, FILM.parent])
        assert entry.kind == "original"
        restore(files)
        assert beside_trash(files) == BEFORE
        return "cut"
    assert left == BEFORE
    assert not in_trash(files)
    assert files.folders() == ["/lib", "/lib/Show"]
    return "original"


def check_restored(files: ModelFiles) -> str:
    assert FILM.as_posix() in files.tree() or ORIGINAL in files.tree().values()
    store(files).recover([ROOT, FILM.parent])
    left = beside_trash(files)
    if left[FILM.as_posix()] == ORIGINAL:
        assert left == BEFORE
        assert in_trash(files) == sorted([CUT, CUT_SRT])
        return "original"
    assert left == AFTER
    assert in_trash(files) == sorted([ORIGINAL, SRT, EDL])
    restore(files)
    assert beside_trash(files) == BEFORE
    return "cut"


def stopped(cannot: frozenset[str], *, restoring: bool, loose: bool = False) -> Iterator[ModelFiles]:
    """The world after each step but the last."""
    for at in itertools.count():
        files = world(cannot, loose=loose)
        if restoring:
            cut(files)
            files.steps = 0
        files.die_at = at
        try:
            (restore if restoring else cut)(files)
        except PowerLoss:
            files.die_at = None
            yield files
        else:
            return


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_every_step_of_a_cut(mode: str) -> None:
    ends = [check_cut(files) for files in stopped(MODES[mode], restoring=False)]
    assert len(ends) > 25
    assert ends == sorted(ends, reverse=True)  # once it is the cut it stays the cut
    assert set(ends) == {"original", "cut"}


@pytest.mark.parametrize("mode", MODES)
def test_killed_at_every_step_of_a_restore(mode: str) -> None:
    ends = [check_restored(files) for files in stopped(MODES[mode], restoring=True)]
    assert len(ends) > 25
    assert set(ends) == {"original", "cut"}


@pytest.mark.parametrize("mode", MODES)
def test_killed_again_while_it_recovers(mode: str) -> None:
    for files in stopped(MODES[mode], restoring=False):
        for at in range(60):
            again = files.copy()
            again.die_at = at
            try:
                store(again).recover([ROOT, FILM.parent])
            except PowerLoss:
                again.die_at = None
                check_cut(again)
            else:
                break


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("restoring", [False, True], ids=["cut", "restore"])
def test_power_loss_on_a_journaling_file_system(mode: str, restoring: bool) -> None:
    states = 0
    for files in stopped(MODES[mode], restoring=restoring):
        for found in files.after_power_loss(loose=False):
            states += 1
            (check_restored if restoring else check_cut)(found)
    assert states > 40


@pytest.mark.parametrize("mode", ["both", "links"])
@pytest.mark.parametrize("restoring", [False, True], ids=["cut", "restore"])
def test_power_loss_where_each_folder_is_written_on_its_own(mode: str, restoring: bool) -> None:
    """FAT apart, which has no links, no file system is that loose; with links nothing is lost all the same."""
    states = 0
    for files in stopped(MODES[mode], restoring=restoring, loose=True):
        for found in files.after_power_loss(loose=True):
            states += 1
            tree = found.tree()
            assert ORIGINAL in tree.values()
            assert FILM.as_posix() in tree
            store(found).recover([ROOT, FILM.parent])
            left = beside_trash(found)
            assert left[FILM.as_posix()] in (ORIGINAL, CUT)
            assert ORIGINAL in found.tree().values()
            assert not [path for path in left if "/.plexcut/" in path and "/tmp/" not in path]
    assert states > 60


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
def test_a_failing_disk_at_every_step(mode: str, number: int, lasting: bool) -> None:
    for at in itertools.count():
        files = world(MODES[mode])
        failing = _fail(files, at, number, lasting=lasting)
        with contextlib.suppress(PlexcutError, OSError):
            cut(files)
        failed = failing[0]
        files._tick = ModelFiles._tick.__get__(files)  # type: ignore[method-assign]
        assert ORIGINAL in files.tree().values()
        check_cut(files)
        if not failed:
            return


def _fail(files: ModelFiles, at: int, number: int, *, lasting: bool) -> list[bool]:
    told = [False]
    steps = [0]

    def tick(name: str) -> None:
        if name in files.cannot:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        n = steps[0]
        steps[0] += 1
        if n == at or (lasting and n > at):
            told[0] = True
            raise OSError(number, "injected")

    files._tick = tick  # type: ignore[method-assign]
    return told


@pytest.mark.parametrize("mode", ["both", "links", "exchange"])
def test_there_is_no_moment_without_a_file(mode: str) -> None:
    for restoring in (False, True):
        for files in stopped(MODES[mode], restoring=restoring):
            assert files.tree()[FILM.as_posix()] in (ORIGINAL, CUT)


THEIRS, THEIRS_TOO = random_bytes(3, 2500), random_bytes(4, 2600)


def intruded(mode: str, *, restoring: bool) -> Iterator[tuple[ModelFiles, int]]:
    """The world before a cut or a restore in which somebody puts a file of theirs there just before the n-th step."""
    for at in itertools.count():
        files = world(MODES[mode])
        if restoring:
            cut(files)
        files.steps = 0
        files.intruders[at] = lambda files=files: files.intrude(FILM, THEIRS)  # type: ignore[misc]
        yield files, at


@pytest.mark.parametrize("mode", ["both", "exchange", "renames"])
@pytest.mark.parametrize("restoring", [False, True], ids=["cut", "restore"])
def test_a_file_that_somebody_puts_there_at_any_moment_is_never_lost(mode: str, restoring: bool) -> None:
    refused = 0
    for files, at in intruded(mode, restoring=restoring):
        work = restore if restoring else cut
        try:
            work(files)
        except (PlexcutError, OSError):
            refused += 1
            if mode != "renames":
                assert files.tree()[FILM.as_posix()] == THEIRS
        if at in files.intruders:
            assert at > 25
            break
        store(files).recover([ROOT, FILM.parent])
        assert THEIRS in files.tree().values()
        assert not [path for path in beside_trash(files) if "/.plexcut/" in path]
    assert refused > 3


@pytest.mark.parametrize("mode", ["both", "exchange", "renames"])
def test_killed_after_somebody_put_a_file_there(mode: str) -> None:
    """Any two moments: a file comes, and later the process ends."""
    for _, at in intruded(mode, restoring=False):
        for die_at in itertools.count(at + 1):
            files = world(MODES[mode])
            files.intruders[at] = lambda files=files: files.intrude(FILM, THEIRS)  # type: ignore[misc]
            files.die_at = die_at
            try:
                cut(files)
            except PowerLoss:
                files.die_at = None
                store(files).recover([ROOT, FILM.parent])
                assert THEIRS in files.tree().values()
                assert not [path for path in beside_trash(files) if "/.plexcut/" in path]
                continue
            except (PlexcutError, OSError):
                pass
            break
        if at > 80:
            return


def test_two_files_that_somebody_puts_there_one_after_the_other() -> None:
    """The second comes while the first is being given its name back: the later one has the name."""
    for at, later in itertools.product(range(20, 60), (1, 2)):
        files = world(MODES["both"])
        files.intruders[at] = lambda files=files: files.intrude(FILM, THEIRS)  # type: ignore[misc]
        files.intruders[at + later] = lambda files=files: files.intrude(FILM, THEIRS_TOO)  # type: ignore[misc]
        with contextlib.suppress(PlexcutError, OSError):
            cut(files)
        store(files).recover([ROOT, FILM.parent])
        if at + later not in files.intruders:
            assert THEIRS_TOO in files.tree().values()


@pytest.mark.parametrize("mode", ["both", "exchange"])
def test_somebody_who_writes_into_it_at_the_last_moment(mode: str) -> None:
    """What they wrote has the name, or lies in the trash; it is never gone."""
    for at in itertools.count():
        files = world(MODES[mode])
        files.intruders[at] = lambda files=files: files.scribble(FILM, THEIRS)  # type: ignore[misc]
        with contextlib.suppress(PlexcutError, OSError):
            cut(files)
        if at in files.intruders:
            return
        store(files).recover([ROOT, FILM.parent])
        assert THEIRS in files.tree().values() or files.tree()[FILM.as_posix()] == CUT
