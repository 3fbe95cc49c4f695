"""Workers on several machines: two network namespaces with mounts of their own, and one queue."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from plexcut.domain.catalog import MovieData
from plexcut.jobs.embedded import find_server
from plexcut.jobs.queue import RqJobQueue
from tests.jobs.conftest import ROOT, movie, wait_for_state, wait_until_at_work
from tests.processes import wait_for

TASK = "tests.jobs.fake_tasks.cut_somewhere"


def _possible() -> str:
    if os.geteuid() != 0:
        return "network namespaces and bind mounts need root"
    if shutil.which("ip") is None:
        return "there is no `ip`"
    name = f"plexcut-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else "network namespaces are not allowed here"


REASON = _possible()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Machine:
    """A network namespace with an address, where the recordings are mounted at a path of its own."""

    name: str
    net: str
    address: str
    config: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, mounts: list[tuple[Path, Path]], url: str) -> None:
        """A worker whose mounts nobody else sees."""
        binds = "".join(f"mount --bind '{source}' '{target}' && " for source, target in mounts)
        code = (
            "import sys, logging; logging.basicConfig(level=logging.INFO); from pathlib import Path;"
            "from plexcut import bootstrap, config; from plexcut.jobs import worker;"
            "settings = config.load(config.Choices(config=Path(sys.argv[1])));"
            "worker.run(settings.queue.url, bootstrap.places(settings))"
        )
        inner = f"{binds} exec '{sys.executable}' -c \"$0\" '{self.config}'"
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.net, "unshare", "-m", "--propagation", "private", "sh", "-c", inner, code],
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
                "PLEXCUT_CONFIG": str(self.config),
                "PLEXCUT_QUEUE__URL": url,
                "TEST_MACHINE": self.name,
            },
            cwd=ROOT,
            start_new_session=True,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class World:
    url: str
    queue: RqJobQueue
    machines: dict[str, Machine]
    recordings: Path
    films: Path

    def order(self, name: str, library: str, **script: object) -> str:
        """What the server orders: it sees the files where they really are."""
        folder = self.recordings if library == "plex" else self.films
        place = f"/share/rec/{name}.ts" if library == "plex" else f"{name}.ts"
        made = movie(folder, name, **script)
        fields = {**vars(made)} if hasattr(made, "__dict__") else {n: getattr(made, n) for n in made.__slots__}
        job = self.queue.enqueue_cut(
            MovieData(**{**fields, "library": library, "place": place, "storage": library}), {}, 600
        )
        return job.id


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    mark = secrets.token_hex(3)
    nets = {name: f"plexcut-{mark}-{name}" for name in ("hall", "attic")}
    bridge = f"pc{mark}"
    password = secrets.token_urlsafe(12)
    server = None
    machines: dict[str, Machine] = {}
    recordings, films = tmp_path / "disk" / "rec", tmp_path / "disk" / "films"
    recordings.mkdir(parents=True)
    films.mkdir()
    subnet = f"10.{200 + int(mark[:2], 16) % 50}.{int(mark[2:4], 16)}"
    try:
        run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "addr", "add", f"{subnet}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        for n, (name, net) in enumerate(nets.items(), 2):
            run("ip", "netns", "add", net)
            run("ip", "link", "add", f"{bridge}{n}", "type", "veth", "peer", "name", "eth0", "netns", net)
            run("ip", "link", "set", f"{bridge}{n}", "master", bridge, "up")
            run("ip", "-n", net, "addr", "add", f"{subnet}.{n}/24", "dev", "eth0")
            run("ip", "-n", net, "link", "set", "eth0", "up")
            run("ip", "-n", net, "link", "set", "lo", "up")
            config = tmp_path / f"{name}.toml"
            machines[name] = Machine(name, net, f"{subnet}.{n}", config)
        (tmp_path / "valkey").mkdir()
        port = 20000 + int(mark, 16) % 20000
        command = [str(find_server()), "--bind", f"{subnet}.1", "--port", str(port), "--requirepass", password]
        server = subprocess.Popen([*command, "--dir", str(tmp_path / "valkey")], stdout=subprocess.DEVNULL)
        url = f"redis://:{password}@{subnet}.1:{port}/0"
        queue = RqJobQueue(url, task=TASK)
        wait_for(queue.online)
        yield World(url, queue, machines, recordings, films)
        queue.close()
    finally:
        for machine in machines.values():
            machine.stop()
        if server is not None:
            server.kill()
            server.wait()
        for net in nets.values():
            subprocess.run(["ip", "netns", "del", net], capture_output=True, check=False)
        for link in (bridge, *(f"{bridge}{n}" for n in range(2, 2 + len(nets)))):
            subprocess.run(["ip", "link", "del", link], capture_output=True, check=False)


def configure(machine: Machine, tmp_path: Path, url: str, plex: Path | None, films: Path | None) -> None:
    text = f'data_dir = "{tmp_path / ("data-" + machine.name)}"\n[queue]\nurl = "{url}"\n'
    if plex is not None:
        text += '[[library]]\nid = "plex"\nkind = "plex"\nurl = "http://192.0.2.1:32400"\n'
        text += f'[[library.path]]\nplex = "/share/rec"\nhere = "{plex}"\n'
    if films is not None:
        text += f'[[library]]\nid = "films"\nkind = "folder"\npath = "{films}"\n'
    machine.config.write_text(text)


def said(where: Path) -> list[str]:
    return sorted(path.read_text() for path in where.glob("*.where"))


def test_each_machine_cuts_what_it_reaches_by_its_own_paths(world: World, tmp_path: Path) -> None:
    hall, attic = world.machines["hall"], world.machines["attic"]
    on_hall, on_attic, films = tmp_path / "mnt-hall", tmp_path / "media" / "attic", tmp_path / "mnt-films"
    for folder in (on_hall, on_attic, films):
        folder.mkdir(parents=True)
    configure(hall, tmp_path, world.url, on_hall, None)
    configure(attic, tmp_path, world.url, on_attic, films)
    film = world.order("film", "films")
    first = world.order("first", "plex", steps=40, step_s=0.05)
    second = world.order("second", "plex", steps=40, step_s=0.05)

    hall.start([(world.recordings, on_hall)], world.url)
    wait_for(lambda: [worker.libraries for worker in world.queue.workers()] == [("plex",)], 40)
    answer = world.queue.job(film).waiting
    assert answer is not None
    assert (answer["code"], "'films'" in answer["message"]) == ("library_unreachable", True)
    wait_until_at_work(world.queue, first)

    attic.start([(world.recordings, on_attic), (world.films, films)], world.url)
    done = {job: wait_for_state(world.queue, job, "finished", timeout_s=60) for job in (film, first, second)}
    # Each at the paths of its machine; the results are told as the server sees them.
    places = {job: (world.recordings if job != film else world.films) / f"{done[job].title} cut.ts" for job in done}
    for job, path in places.items():
        result = done[job].result
        assert result is not None
        assert result["path"] == str(path)
        assert path.exists()
    assert (world.films / "film.where").read_text() == f"attic {films}/film.ts"
    assert (world.recordings / "first.where").read_text() == f"hall {on_hall}/first.ts"
    either = (
        f"attic {on_attic}/second.ts",
        f"hall {on_hall}/second.ts",
    )
    assert (world.recordings / "second.where").read_text() in either
    assert not list(on_hall.iterdir()), "nothing was written outside the mounts"
    assert not list(on_attic.iterdir())


def test_a_machine_that_is_cut_off_does_not_finish_what_another_took_over(world: World, tmp_path: Path) -> None:
    hall, attic = world.machines["hall"], world.machines["attic"]
    here = tmp_path / "mnt"
    here.mkdir()
    for machine in (hall, attic):
        configure(machine, tmp_path, world.url, here, None)
    hall.start([(world.recordings, here)], world.url)
    job = world.order("film", "plex", steps=500, step_s=0.1)
    wait_until_at_work(world.queue, job)
    run("ip", "-n", hall.net, "link", "set", "eth0", "down")
    wait_for_state(world.queue, job, "queued", timeout_s=60)
    (world.recordings / "film.ts").write_text((world.recordings / "film.ts").read_text().replace("500", " 60"))
    attic.start([(world.recordings, here)], world.url)
    wait_for(lambda: world.queue.job(job).attempts == 2, 60)
    run("ip", "-n", hall.net, "link", "set", "eth0", "up")
    done = wait_for_state(world.queue, job, "finished", timeout_s=60)
    assert done.attempts == 2
    assert sorted(path.name for path in world.recordings.glob("film*.ts")) == ["film cut.ts", "film.ts"]
    assert said(world.recordings)[0].startswith("attic")
    # The machine that was cut off sees that the job is not its own any more, and takes the next one.
    attic.stop()
    again = world.order("next", "plex")
    assert wait_for_state(world.queue, again, "finished", timeout_s=60).worker is not None
    assert [path.name for path in world.recordings.glob(".plexcut/tmp/*")] == []
