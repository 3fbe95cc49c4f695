"""A job that waits for others who use its recording: in the queue before it begins, at its place before the swap."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from plexcut.domain.uses import poll_s
from plexcut.errors import RecordingBusy
from plexcut.jobs import names

if TYPE_CHECKING:
    from redis import Redis


class Waits:
    """How long a job has been put off, and why: kept by the queue, because each attempt is another process."""

    def __init__(self, redis: Redis, job: str) -> None:
        self._redis = redis
        self._job = job
        self._known: dict[str, Any] = {}
        with contextlib.suppress(RedisError, OSError, ValueError):
            stored: Any = redis.hget(names.HELD_KEY, job)
            self._known = dict(json.loads(stored)) if stored is not None else {}

    @property
    def was_put_off(self) -> bool:
        """Whether it was begun before."""
        return bool(self._known)

    def put_off(self, why: str, wait_s: float) -> bool:
        """Have it wait for a while; whether this is for another reason than before.

        Raises:
            RecordingBusy: it has waited for `wait_s` all in all.
        """
        before = self._known
        since = float(before.get("since") or time.time())
        if time.time() - since >= wait_s:
            raise waited_too_long(why, wait_s)
        self._known = {**as_error(why), "since": since}
        with contextlib.suppress(RedisError, OSError), self._redis.pipeline() as pipe:
            pipe.hset(names.HELD_KEY, self._job, json.dumps(self._known))
            pipe.set(names.held_key(self._job), "1", px=round(1000 * poll_s(wait_s)))
            pipe.execute()
        return before.get("message") != why

    def over(self) -> bool:
        """It goes on or has ended; whether it had been put off."""
        was = self.was_put_off
        self._known = {}
        if was:
            with contextlib.suppress(RedisError, OSError):
                self._redis.hdel(names.HELD_KEY, self._job)
        return was


def as_error(why: str) -> dict[str, str]:
    """As `Job.waiting` has it."""
    return {"code": "recording_busy", "message": why, "hint": "it goes on by itself when that is over"}


def waited_too_long(why: str, wait_s: float) -> RecordingBusy:
    """Why a job gives up."""
    waited = f", and plexcut has waited for {_spoken(wait_s)}" if wait_s else ""
    return RecordingBusy(
        f"{why}{waited}", "start the job again when that is over; cut.in_use_wait_s says how long to wait"
    )


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@contextmanager
def time_stopped() -> Iterator[None]:
    """RQ's alarm for the job's time limit stands still. In the thread and process of the task."""
    left_s = signal.alarm(0)
    try:
        yield
    finally:
        if left_s:
            signal.alarm(left_s)
