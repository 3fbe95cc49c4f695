"""Work whose client went away stops: over a real socket, closed in the middle."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from plexcut.errors import Cancelled, HostUnreachable, NotReady
from plexcut.web import threads as threads_module
from plexcut.web.errors import status_of
from plexcut.web.threads import THREADS, Threads
from tests.web.conftest import Running
from tests.web.fake_plexdata import REC, SlowFrames


@pytest.mark.parametrize("reset", [False, True])
def test_a_frame_whose_client_went_away_is_not_decoded_on(server: Running, reset: bool) -> None:
    slow = server.plexdata.slow_frames = SlowFrames()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        request = f"GET /api/recordings/{REC}/frame?n=5 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
        client.sendall(request.encode())
        assert slow.begun.wait(20)
        assert not slow.stopped.wait(0.2)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert slow.stopped.wait(20)
    server.plexdata.slow_frames = None
    assert server.client().get(f"/api/recordings/{REC}/frame?n=5").status_code == 200


def test_a_server_that_stops_stops_its_frames(server: Running) -> None:
    slow = server.plexdata.slow_frames = SlowFrames()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            f"GET /api/recordings/{REC}/frame?n=5 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        )
        assert slow.begun.wait(20)
        assert server.stop(30)
        assert slow.stopped.wait(20)


async def test_a_call_that_takes_too_long_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(threads_module.LIMIT_S, "library", 0.05)
    threads = Threads()
    slow = SlowFrames()
    with pytest.raises(HostUnreachable):
        await threads.run_stoppable("library", lambda should_cancel: slow.decode(should_cancel))
    assert await asyncio.to_thread(slow.stopped.wait, 20)
    threads.close()


async def test_a_call_that_the_stop_ends_before_its_request_is_no_failure() -> None:
    """On a busy machine the threads are told to stop before the request's own task has been cancelled."""
    threads = Threads()
    slow = SlowFrames()
    task = asyncio.ensure_future(threads.run_stoppable("rest", lambda should_cancel: slow.decode(should_cancel)))
    assert await asyncio.to_thread(slow.begun.wait, 20)
    threads.close()
    with pytest.raises(NotReady) as ended:
        await task
    assert status_of(ended.value) == 503


async def test_a_call_that_ends_by_itself_is_answered() -> None:
    threads = Threads()

    def add(a: int, *, b: int, should_cancel: Any) -> int:
        if should_cancel():
            raise Cancelled("never")
        return a + b

    assert await threads.run_stoppable("rest", add, 1, b=2) == 3
    threads.close()


async def test_a_call_that_ends_after_it_was_given_up_is_ignored() -> None:
    threads = Threads()
    begun, gate, seen = threading.Event(), threading.Event(), []

    def slow(should_cancel: Any) -> int:
        begun.set()
        gate.wait(20)
        seen.append(should_cancel())
        return 1

    task = asyncio.ensure_future(threads.run_stoppable("rest", slow))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gate.set()
    assert await threads.run("rest", lambda: 5) == 5
    for _ in range(100):
        if seen:
            break
        await asyncio.sleep(0.01)
    assert seen == [True]
    threads.close()


def test_those_who_wait_for_an_index_hold_up_nobody(server: Running) -> None:
    """More requests by number than there are threads for frames, of a recording whose index is being built."""
    server.plexdata.indexing = threading.Event()
    many = THREADS["frames"] + 4
    with ThreadPoolExecutor(many) as pool:
        url = f"{server.url}/api/recordings/home~r2/frame?n=5"
        waiting = [pool.submit(httpx.get, url, timeout=30) for _ in range(many)]
        time.sleep(0.3)
        assert server.client().get(f"/api/recordings/{REC}/frame?n=5", timeout=20).status_code == 200
        assert not any(one.done() for one in waiting)
        server.plexdata.indexing.set()
        assert all(one.result().headers["X-Frame-Number"] == "5" for one in waiting)
