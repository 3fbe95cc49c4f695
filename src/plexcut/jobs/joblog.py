"""The log of one job: what its task and its worker said, in the queue until the server has stored it."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from plexcut.domain.jobs import LogLine
from plexcut.jobs import names

if TYPE_CHECKING:
    from redis import Redis

_MAX_CHARACTERS = 1000


def write(redis: Redis, job: str, message: str, level: str = "info") -> None:
    """Add a line; where the queue does not answer it is lost, as the process's own log has it too."""
    with contextlib.suppress(RedisError, OSError):
        push(redis, job, [LogLine(time.time(), level, message)])


def push(redis: Redis, job: str, lines: list[LogLine]) -> None:
    """Add lines. Raises `RedisError`, `OSError`."""
    written = [
        json.dumps({"at": line.at, "level": line.level, "message": line.message[:_MAX_CHARACTERS]}) for line in lines
    ]
    with redis.pipeline() as pipe:
        pipe.rpush(names.log_key(job), *written)
        pipe.ltrim(names.log_key(job), -names.LOG_LINES, -1)
        pipe.expire(names.log_key(job), names.FAILURE_TTL_S)
        pipe.execute()


def read(redis: Redis, job: str) -> tuple[LogLine, ...]:
    """All lines, oldest first."""
    stored: Any = redis.lrange(names.log_key(job), 0, -1)
    return tuple(LogLine(**json.loads(line)) for line in stored)


class Recorder(logging.Handler):
    """Hands what plexcut logs in this process to a job's log; keeps it while the queue is away."""

    def __init__(self, redis: Redis, job: str) -> None:
        super().__init__(logging.INFO)
        self._redis = redis
        self._job = job
        self._said: list[LogLine] = []
        self._waiting: list[LogLine] = []

    def again(self) -> None:
        """The queue has lost all: say everything once more."""
        self._waiting = list(self._said)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; never fails."""
        if record.name.startswith("plexcut.jobs.joblog"):
            return
        level = "info" if record.levelno < logging.WARNING else "warning" if record.levelno < logging.ERROR else "error"
        self.say(record.getMessage(), level)

    def say(self, message: str, level: str = "info") -> None:
        """Add a line of our own."""
        line = LogLine(time.time(), level, message)
        self._said = [*self._said, line][-names.LOG_LINES :]
        self._waiting = [*self._waiting, line][-names.LOG_LINES :]
        with contextlib.suppress(RedisError, OSError):
            push(self._redis, self._job, self._waiting)
            self._waiting = []
