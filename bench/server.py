"""A real `plexcut serve` over a folder of recordings, and clients that ask it over HTTP."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from bench.measure import BenchFailed, Meter, family
from bench.recordings import Recording

ROOT = Path(__file__).resolve().parent.parent
_LONG_AGO_S = 1_600_000_000
_TIMEOUT_S = 60
_POLL_S = 0.05
_LAST_WORDS = 3000


@dataclass(frozen=True)
class Answer:
    """A whole answer, and the seconds until its last byte."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


class Client:
    """A connection that is kept open, as a browser does. Not for several threads; `name` is its client cookie."""

    def __init__(self, port: int, name: str = "") -> None:
        self._headers = {"Cookie": f"plexcut_client={name}"} if name else {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        self._connection.connect()

    def get(self, path: str, **query: object) -> Answer:
        """Raises BenchFailed unless the answer is 200."""
        begin = time.perf_counter()
        response = self.open(path, **query)
        body = response.read()
        seconds = time.perf_counter() - begin
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body, seconds)

    def open(self, path: str, **query: object) -> http.client.HTTPResponse:
        """The same before its body is read."""
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            self._connection.request("GET", target, headers=self._headers)
            response = self._connection.getresponse()
        except OSError as error:
            raise BenchFailed(f"GET {target} is not answered: {error!r}") from error
        if response.status != 200:
            body = response.read()[:300]
            code = response.getheader("X-Error-Code") or body.decode(errors="replace")
            raise BenchFailed(f"GET {target} is answered {response.status}: {code}")
        return response

    def json(self, path: str, **query: object) -> Any:
        return json.loads(self.get(path, **query).body)

    def close(self) -> None:
        self._connection.close()


class Server:
    """`plexcut serve` in a process of its own, with nothing cached, over a folder library of some recordings.

    `folder` is on the file system of the recordings, which are linked into it.
    """

    def __init__(self, folder: Path, recordings: Iterable[Recording]) -> None:
        movies = folder / "library" / "Movies"
        movies.mkdir(parents=True)
        for each in recordings:
            os.link(each.path, movies / each.path.name)
        self.data_dir = folder / "data"
        self._log = folder / "log"
        self._renewals = itertools.count()
        command = [sys.executable, "-c", "from plexcut.cli import main; main()", "serve", "--port", "0", "--no-worker"]
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "PLEXCUT_DATA_DIR": str(self.data_dir),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--library", str(movies.parent)], env=env, cwd=folder, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().decode().split()
        if not said or not said[-1].startswith("http://"):
            self.close()
            raise BenchFailed(f"plexcut serve did not start: {self._log.read_text()[-1000:]}")
        self.port = urlsplit(said[-1]).port or 80

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.communicate()

    def last_words(self) -> str:
        """The end of what the server logged, errors last."""
        logs = [self._log, *sorted((self.data_dir / "logs").glob("errors.log"))]
        return "".join(log.read_text(errors="replace")[-_LAST_WORDS:] for log in logs)

    def client(self, name: str = "") -> Client:
        return Client(self.port, name)

    def meter(self) -> Meter:
        """What the server and the processes below it use."""
        return Meter(self.pid)

    def path_of(self, recording: Recording) -> str:
        """The address of a recording, such as `/api/recordings/x~y`."""
        until = time.monotonic() + 30
        with closing(self.client()) as client:
            while time.monotonic() < until:
                library = client.json("/api/libraries")["libraries"][0]["id"]
                for section in client.json(f"/api/libraries/{library}/sections")["sections"]:
                    items = f"/api/libraries/{library}/sections/{quote(section['id'])}/items"
                    for item in client.json(items, limit=1000)["items"]:
                        if item["title"] == recording.path.stem:
                            return f"/api/recordings/{item['recording']}"
                time.sleep(_POLL_S)
        raise BenchFailed(f"the server does not find {recording.path.name}")

    def renew(self, recording: Recording) -> None:
        """Make the recording one that nobody has opened yet: with another date it is another file, without index."""
        moment = _LONG_AGO_S + next(self._renewals)
        os.utime(recording.path, (moment, moment))

    def wait_for_index(self, address: str) -> None:
        """Wait until the index of a recording is there; asking starts it."""
        until = time.monotonic() + _TIMEOUT_S
        with closing(self.client()) as client:
            while time.monotonic() < until:
                state = client.json(address)["index"]
                if state["state"] == "ready":
                    return
                if state["state"] == "failed":
                    raise BenchFailed(f"the index failed: {state}")
                time.sleep(_POLL_S)
        raise BenchFailed("the index does not get ready")

    def cores(self) -> set[int]:
        """The cores that the server may run on."""
        return os.sched_getaffinity(self.pid)

    def pin(self, cores: set[int]) -> None:
        """Let the server, and the processes below it, run on these cores alone."""
        for pid in family(self.pid):
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), cores)
