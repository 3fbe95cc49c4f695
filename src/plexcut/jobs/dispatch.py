"""Which waiting job a worker gets: the first in the queue that it can reach and that nothing keeps from beginning.

RQ's list of waiting jobs is the order. A worker looks through it and takes one by a script that the queue's server runs
whole, so that two workers never get one job, and no storage more than its limit.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rq.exceptions import DeserializationError
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from plexcut.jobs import names

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

QUEUE_KEY = f"rq:queue:{names.QUEUE}"
TAKEN_KEY = f"{QUEUE_KEY}:intermediate"
_BATCH = 20
_REMEMBERED = 5000

CanReach = Callable[[str, str], bool]
"""Whether this worker reaches a place of a library."""

_TAKE = """
if redis.call('EXISTS', KEYS[3]) == 1 then return 'paused' end
local busy = redis.call('HGETALL', KEYS[4])
local here = 0
for i = 1, #busy, 2 do
  if redis.call('EXISTS', ARGV[7] .. busy[i]) == 0 then
    redis.call('HDEL', KEYS[4], busy[i])
  elseif busy[i] ~= ARGV[2] then
    local other = cjson.decode(busy[i + 1])
    if other.print == ARGV[4] then return 'same' end
    if other.storage == ARGV[3] then here = here + 1 end
  end
end
local limit = tonumber(redis.call('HGET', KEYS[5], ARGV[3]) or '0')
if limit > 0 and here >= limit then return 'full' end
if redis.call('EXISTS', ARGV[8] .. ARGV[1]) == 1 then return 'held' end
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 'gone' end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[6], ARGV[1])
redis.call('SET', ARGV[7] .. ARGV[2], ARGV[5], 'EX', ARGV[6])
redis.call('HSET', KEYS[4], ARGV[2], cjson.encode({job = ARGV[1], storage = ARGV[3], print = ARGV[4]}))
return 'taken'
"""

_GIVE_BACK = """
redis.call('HDEL', KEYS[3], ARGV[2])
if redis.call('LREM', KEYS[2], 1, ARGV[1]) == 1 then redis.call('LPUSH', KEYS[1], ARGV[1]) end
"""

_PLACE = """
local ids = redis.call('LRANGE', KEYS[1], 0, -1)
local at = nil
for i, id in ipairs(ids) do
  if id == ARGV[1] then at = i end
end
if at == nil then return 0 end
if ARGV[2] == 'priority' then
  local mine = tonumber(ARGV[3])
  if mine == 0 then redis.call('HDEL', KEYS[2], ARGV[1]) else redis.call('HSET', KEYS[2], ARGV[1], mine) end
  redis.call('LREM', KEYS[1], 1, ARGV[1])
  for i, id in ipairs(ids) do
    if id ~= ARGV[1] and tonumber(redis.call('HGET', KEYS[2], id) or '0') < mine then
      redis.call('LINSERT', KEYS[1], 'BEFORE', id, ARGV[1])
      return 1
    end
  end
  redis.call('RPUSH', KEYS[1], ARGV[1])
  return 1
end
table.remove(ids, at)
local to = nil
if ARGV[2] == 'position' then
  to = math.min(tonumber(ARGV[3]), #ids + 1)
else
  for i, id in ipairs(ids) do
    if id == ARGV[3] then to = i end
  end
  if to == nil then return -1 end
end
redis.call('LREM', KEYS[1], 1, ARGV[1])
if to > #ids then
  redis.call('RPUSH', KEYS[1], ARGV[1])
else
  redis.call('LINSERT', KEYS[1], 'BEFORE', ids[to], ARGV[1])
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job needs."""

    library: str
    place: str
    storage: str
    print: str


def wanted(movie: dict[str, Any]) -> Wanted:
    """What a job needs, from its `MovieData`; one that an older plexcut ordered names no library."""
    mark = movie.get("fingerprint") or movie.get("recording") or ""
    return Wanted(movie.get("library", ""), movie.get("place", ""), movie.get("storage", ""), mark)


class Dispatcher:
    """Takes jobs for one worker."""

    def __init__(self, redis: Redis, worker: str, can_reach: CanReach | None) -> None:
        self._redis = redis
        self._worker = worker
        self._can_reach = can_reach
        self._take = redis.register_script(_TAKE)
        self._give_back = redis.register_script(_GIVE_BACK)
        self._known: dict[str, Wanted] = {}
        self.taken: str | None = None
        """The job that was taken last, until `done`."""

    def take(self) -> str | None:
        """The id of a job that is this worker's now; None where there is none for it."""
        if self._redis.exists(names.PAUSED_KEY):
            return None
        full: set[str] = set()
        for job, needs in self._waiting():
            if needs.storage in full or not self._reaches(needs):
                continue
            answer = self._try(job, needs)
            if answer == "taken":
                self.taken = job
                return job
            if answer == "paused":
                return None
            if answer == "full":
                full.add(needs.storage)
        return None

    def done(self) -> None:
        """The job is over, or somebody else's."""
        self.taken = None
        self._redis.hdel(names.BUSY_KEY, self._worker)

    def give_back(self) -> None:
        """Put a job that was taken and never begun where it was."""
        if self.taken is not None:
            keys = [QUEUE_KEY, TAKEN_KEY, names.BUSY_KEY]
            self._give_back(keys=keys, args=[self.taken, self._worker])
            self.taken = None

    def _try(self, job: str, needs: Wanted) -> str:
        keys = [QUEUE_KEY, TAKEN_KEY, names.PAUSED_KEY, names.BUSY_KEY, names.LIMITS_KEY, names.PRIORITY_KEY]
        alive = names.alive_key("")
        held = names.held_key("")
        arguments: list[str | int] = [
            job,
            self._worker,
            needs.storage,
            needs.print,
            "0",
            names.ALIVE_TTL_S,
            alive,
            held,
        ]
        answer: Any = self._take(keys=keys, args=arguments)
        return answer.decode() if isinstance(answer, bytes) else str(answer)

    def _reaches(self, needs: Wanted) -> bool:
        return self._can_reach is None or not needs.library or self._can_reach(needs.library, needs.place)

    def _waiting(self) -> Iterator[tuple[str, Wanted]]:
        listed: Any = self._redis.lrange(QUEUE_KEY, 0, -1)
        ids = [job.decode() for job in listed]
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            self._learn([job for job in batch if job not in self._known])
            for job in batch:
                if (needs := self._known.get(job)) is not None:
                    yield job, needs

    def _learn(self, jobs: list[str]) -> None:
        if not jobs:
            return
        found = RqJob.fetch_many(jobs, connection=self._redis, serializer=JSONSerializer)
        for job, record in zip(jobs, found, strict=True):
            if record is None:
                logger.warning("job %s is in the queue without a record, and is taken out", job)
                self._redis.lrem(QUEUE_KEY, 0, job)
                continue
            try:
                self._known[job] = wanted(dict(record.args[0]))
            except (LookupError, TypeError, ValueError, DeserializationError):
                self._known[job] = Wanted("", "", "", job)  # whoever takes it finds out what is wrong with it


class Line:
    """The order of the waiting jobs, changed by hand."""

    def __init__(self, redis: Redis) -> None:
        self._place = redis.register_script(_PLACE)

    def prioritise(self, job: str, level: int) -> bool:
        """Put a job behind the last one that is as urgent; whether it still waits."""
        return self._call(job, "priority", str(level)) == 1

    def move_to(self, job: str, position: int) -> bool:
        """Make a job the `position`-th, counted from 1; whether it still waits."""
        return self._call(job, "position", str(position)) == 1

    def move_before(self, job: str, other: str) -> bool | None:
        """Put a job before another; False: it does not wait any more, None: the other does not."""
        answer = self._call(job, "before", other)
        return None if answer < 0 else answer == 1

    def _call(self, job: str, how: str, what: str) -> int:
        answer: Any = self._place(keys=[QUEUE_KEY, names.PRIORITY_KEY], args=[job, how, what])
        return int(answer)


def declared(reach: str | bytes | None) -> dict[str, list[list[object]]] | None:
    """What a worker says it reaches; None where it said nothing, which is everything."""
    if reach is None:
        return None
    read = json.loads(reach)
    return read if isinstance(read, dict) else None
