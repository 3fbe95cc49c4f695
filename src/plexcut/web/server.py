"""Serving the application with Hypercorn, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any, cast

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from quart import Quart

from plexcut.errors import ConfigError, PortInUse
from plexcut.web.context import EXTENSION, Context

log = logging.getLogger(__name__)

GRACE_S = 1.0
"""How long answers under way may go on after the stop."""
HARD_STOP_S = 2.0
"""When what still runs is cut off."""
_KEEP_ALIVE_S = 60
_BACKLOG = 256


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets on every address of `host`; port 0 takes a free one.

    Raises:
        PortInUse: another program listens there.
        ConfigError: `host` is no address of this machine, or the port needs more rights.
    """
    name = host.strip("[]")
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ConfigError(f"server.host {host!r} is not known", "give an address of this machine") from None
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        if sockets:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])  # noqa: PLW2901
        try:
            sockets.append(_bind_one(socket.socket(family, kind, protocol), address))
        except OSError as error:
            # `localhost` often has an IPv6 address in the hosts file that the machine does not have.
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                missing = error
                continue
            for sock in sockets:
                sock.close()
            raise _bind_error(error, host, port) from None
    if not sockets:
        raise _bind_error(missing or OSError(errno.EADDRNOTAVAIL, ""), host, port)
    return sockets


def _bind_one(sock: socket.socket, address: Any) -> socket.socket:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_error(error: OSError, host: str, port: int) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(f"port {port} on {host} is in use by another program", "choose another one with --port")
    if error.errno == errno.EACCES:
        return ConfigError(f"port {port} needs more rights", "choose one above 1023 with --port")
    if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
        return ConfigError(f"{host} is not an address of this machine", "set server.host")
    return ConfigError(f"cannot listen on {host} port {port}: {error.strerror}", "set server.host and server.port")


def _ignore_cut_off(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Let nobody be told of connections that were cut off at the stop: asyncio's streams of Python 3.11 report each."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


async def _cut_off() -> None:
    """Close the connections that are left: one whose client takes no more would stay until it does.

    asyncio has no public list of them; where there is none at all they go with the process.
    """
    left = list(getattr(asyncio.get_running_loop(), "_transports", {}).values())
    for transport in left:
        transport.abort()
    if left:
        await asyncio.sleep(0)  # they are closed in the loop's next round


def address_of(host: str, port: int, base_path: str = "") -> str:
    """The address to open in a browser; for a host that means all addresses, the loopback one."""
    name = host.strip("[]")
    if name in {"0.0.0.0", "::", ""}:  # noqa: S104  (compared, not bound)
        name = "127.0.0.1"
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{base_path}/"


async def serve(
    app: Quart,
    host: str,
    port: int,
    shutdown_event: asyncio.Event,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `app` until `shutdown_event` is set; returns within `HARD_STOP_S` after that.

    `on_ready` gets the address to open, once connections are accepted. Signals are the caller's. Streams of events
    end at the stop; what is still under way after `GRACE_S` is cut off.

    Raises:
        PortInUse, ConfigError: see `bind`.
    """
    context = cast("Context", app.extensions[EXTENSION])
    asyncio.get_running_loop().set_exception_handler(_ignore_cut_off)
    sockets = bind(host, port)
    actual_port = sockets[0].getsockname()[1]
    context.door.hosts.port = actual_port
    config = Config()
    config.bind = [f"fd://{sock.detach()}" for sock in sockets]
    config.include_server_header = False
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = GRACE_S
    config.keep_alive_timeout = _KEEP_ALIVE_S
    config.accesslog = None
    config.errorlog = logging.getLogger("plexcut.web.hypercorn")
    server = asyncio.ensure_future(
        hypercorn_serve(cast("Any", app), config, shutdown_trigger=cast("Any", shutdown_event.wait), mode="asgi")
    )
    stop = asyncio.ensure_future(shutdown_event.wait())
    try:
        if on_ready is not None:
            on_ready(address_of(host, actual_port, context.settings.base_path))
        await asyncio.wait((server, stop), return_when=asyncio.FIRST_COMPLETED)
        context.stopping.set()
        await asyncio.wait((server,), timeout=HARD_STOP_S)
        if server.done():
            server.result()
    finally:
        context.stopping.set()
        stop.cancel()
        server.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((server,), timeout=0.5)
        await _cut_off()
        context.threads.close()
