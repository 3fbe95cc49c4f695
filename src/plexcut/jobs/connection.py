"""Connections to Redis or Valkey, and its errors as ours."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis
import redis.exceptions
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from plexcut.errors import ConfigError, QueueOffline

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 1.2
CONNECT_TIMEOUT_S = 0.7
_WORKER_RETRIES = 45


def connect(url: str, timeout_s: float = CALL_TIMEOUT_S) -> Redis:
    """A client whose every command is bounded by `timeout_s`.

    A command on a connection that broke since it was last used is sent once more on a new one; a server that does not
    answer in time is not asked again.

    Raises:
        ConfigError: `url` is no address of a Redis or Valkey server.
    """
    return _client(
        url,
        Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
        socket_timeout=timeout_s,
    )


def connect_patiently(url: str) -> Redis:
    """A client for a worker: it waits up to about three quarters of a minute for a server that is being restarted."""
    errors = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.BusyLoadingError)
    return _client(url, Retry(ExponentialBackoff(cap=1.0, base=0.05), _WORKER_RETRIES, supported_errors=errors))


def impatient(client: Redis, timeout_s: float = 0.5) -> Redis:
    """Another client of the same server that gives up at once: for what a running task can do without."""
    pool = client.connection_pool
    options = {
        **pool.connection_kwargs,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
    }
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=pool.connection_class, **options))


def _client(url: str, retry: Retry, socket_timeout: float | None = None) -> Redis:
    try:
        return redis.Redis.from_url(
            url, retry=retry, socket_timeout=socket_timeout, socket_connect_timeout=CONNECT_TIMEOUT_S
        )
    except (ValueError, TypeError):
        raise ConfigError(
            f"queue.url: {address(url)!r} is no address of a Redis server",
            "write redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket",
        ) from None


def address(url: str) -> str:
    """The address without user and password, for messages and logs."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return f"unix://{parts.path}"
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    except ValueError:
        return "(unreadable)"


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn every error of the server or of the way to it into `QueueOffline`."""
    try:
        yield
    except (redis.exceptions.RedisError, OSError) as error:
        if isinstance(error, QueueOffline):
            raise
        logger.debug("the queue at %s failed: %s", address(url), type(error).__name__, exc_info=True)
        raise QueueOffline(*_told(error, address(url))) from None


def _told(error: Exception, where: str) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    text = " ".join(str(cause) for cause in causes)
    if any(isinstance(cause, redis.exceptions.AuthenticationError) for cause in causes) or "NOAUTH" in text:
        return f"the queue at {where} refuses the password", "check user and password in queue.url"
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes) or "CERTIFICATE_VERIFY" in text:
        return f"the certificate of the queue at {where} is not trusted", "set queue.ca_file to the one that signed it"
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or "SSL" in text:
        return f"the queue at {where} does not speak TLS", "write redis:// in queue.url, or check the port"
    return f"the queue at {where} does not answer", "jobs go on by themselves when it is back"
