"""What `plexcut serve` starts, in which order, and how it all ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from plexcut.cli import logs, output
from plexcut.cli.supervise import Supervised
from plexcut.config import Settings
from plexcut.errors import ConfigError

if TYPE_CHECKING:
    from plexcut.plexdata.orchestrator import Plexdata

logger = logging.getLogger(__name__)

_WORKER_STOP_S = 4.5


def run(settings: Settings, *, with_worker: bool) -> None:
    """Serve until SIGINT or SIGTERM; then end every process that was started here.

    Raises:
        PortInUse, DataFolderInUse, ConfigError, CannotWrite: before anything was started.
    """
    from plexcut.web.server import bind

    if not settings.server.is_loopback and not settings.server.password:
        raise ConfigError(
            f"{settings.server.host} is reachable from other machines, and no password is set",
            "set one with `plexcut passwd`, or serve on 127.0.0.1",
        )
    for sock in bind(settings.server.host, settings.server.port):
        sock.close()
    asked = _end_on_signals()
    with ExitStack() as stack:
        try:
            _serve_with(stack, settings, asked, with_worker=with_worker)
        finally:
            _be_deaf()


def _end_on_signals() -> threading.Event:
    """End what is being started at a signal; the event remembers it.

    Python drops an exception that a signal raises in a finalizer or a callback of an import, and asyncio's own handler
    cancels a task that may be about to catch that: the start would go on, deaf.
    """
    asked = threading.Event()

    def on_signal(_signum: int, _frame: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):  # the last one: of `interrupts.insistent`
        signal.signal(signum, on_signal)
    return asked


def _serve_with(stack: ExitStack, settings: Settings, asked: threading.Event, *, with_worker: bool) -> None:
    """Start one thing after the other; `stack` ends them in reverse order."""
    from plexcut import bootstrap

    stack.enter_context(bootstrap.lock(settings))
    logs.to_file(settings, "server")
    if settings.demo:
        _make_demo(settings)
    if not settings.queue.url:
        settings = replace(settings, queue=replace(settings.queue, url=stack.enter_context(_valkey(settings))))
    if with_worker:
        stack.enter_context(_worker(settings))
    plexdata = bootstrap.build(settings)
    stack.callback(plexdata.close)
    asyncio.run(_serve(plexdata, settings, asked))


def _be_deaf() -> None:
    """The end has begun: a second Ctrl-C must not leave half of it undone."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(signum, signal.SIG_IGN)


def _make_demo(settings: Settings) -> None:
    from plexcut.demo import demo_is_complete, make_demo_library

    if demo_is_complete(settings.demo_dir):
        return
    if not output.is_watched():
        output.note("making the demo library; this happens once and takes a minute or two")
    with output.progress("making the demo library") as on_progress:
        make_demo_library(settings.demo_dir, lambda share, what: on_progress(what, share))


@contextmanager
def _valkey(settings: Settings) -> Iterator[str]:
    from plexcut.jobs.embedded import EmbeddedValkey

    server = EmbeddedValkey(settings.data_dir / "valkey")
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    """A worker in a process of its own; settings travel in the environment, where no list of processes shows them."""
    from plexcut import bootstrap
    from plexcut.jobs.processes import PARENT_VARIABLE

    bootstrap.write_served(settings)

    def environment() -> Mapping[str, str]:
        env = {
            **os.environ,
            "PLEXCUT_DATA_DIR": str(settings.data_dir),
            "PLEXCUT_QUEUE__URL": settings.queue.url,
            PARENT_VARIABLE: str(os.getpid()),
            bootstrap.SERVED: str(bootstrap.served_file(settings)),
        }
        if settings.file is not None:
            env["PLEXCUT_CONFIG"] = str(settings.file)
        return env

    program = [sys.executable, "-P", "-c", "from plexcut.cli import main; main()", "worker"]
    worker = Supervised(program, environment, settings.data_dir / "logs" / "worker.err")
    try:
        worker.start()
        yield
    finally:
        worker.stop(_WORKER_STOP_S)


async def _serve(plexdata: Plexdata, settings: Settings, asked: threading.Event) -> None:
    from plexcut.web.app import create_app
    from plexcut.web.server import serve
    from plexcut.web.settings import WebSettings

    server = settings.server
    app = create_app(
        plexdata,
        WebSettings(
            host=server.host,
            port=server.port,
            password=server.password,
            base_path=server.base_path,
            static_dir=server.static_dir,
        ),
    )
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, over.set)
    try:
        if asked.is_set():
            return
        plexdata.start()
        await serve(app, server.host, server.port, over, _ready)
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)
            with suppress(ValueError):
                signal.signal(signum, signal.SIG_IGN)


def _ready(address: str) -> None:
    output.say(f"plexcut is ready at {address.removesuffix('/')}")
    logger.info("ready at %s", address)
