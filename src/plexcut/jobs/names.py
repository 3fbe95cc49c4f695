"""The names and times that the queue, its workers and its tasks agree on."""

from __future__ import annotations

QUEUE = "VueCutter"
CUT_TASK = "plexcut.jobs.tasks.cut"
"""Dotted name of the task function; workers import it, the queue never does."""

DAY_S = 24 * 3600
RESULT_TTL_S = 7 * DAY_S
FAILURE_TTL_S = 30 * DAY_S

INDEX_KEY = "plexcut:jobs"
"""Sorted set of all job ids, by the time they were ordered."""

ALIVE_TTL_S = 10
"""A worker is alive while this key of its is there; it renews it every `ALIVE_EVERY_S`. Redis keeps the time, so that
clocks of different machines need not agree."""
ALIVE_EVERY_S = 2.0
ABANDONED_AFTER_S = 6.0
"""How long a running job's worker must be missing, besides `ALIVE_TTL_S`: a restarted Valkey has forgotten it."""

PAUSED_KEY = "plexcut:paused"
"""There while no new job may begin."""
BUSY_KEY = "plexcut:busy"
"""Hash: which job a worker has, as JSON `{job, storage, print}`; counts while the worker lives."""
HELD_KEY = "plexcut:held"
"""Hash: why a job that had begun waits again, as JSON `{code, message, hint, since}`, until it goes on or ends."""
LIMITS_KEY = "plexcut:limits"
"""Hash: how many jobs may run at once on a storage."""
PRIORITY_KEY = "plexcut:priorities"
"""Hash: the priority of waiting jobs that is not 0."""
POLL_S = 0.2
"""How often an idle worker looks for a job."""
LOG_LINES = 500
"""So many lines of a job's log are kept."""

CANCEL_POLL_S = 0.25
"""How often a running task asks whether it was cancelled."""
CANCEL_PATIENCE_S = 5.0
"""How long a cancelled task may take to end before its process is killed."""
STOP_PATIENCE_S = 3.0
"""How long a running task may take to end when its worker stops."""

FINISHING_PHASES = ("verify", "move")


def claim_key(recording: str) -> str:
    """Which job has this recording."""
    return f"plexcut:claim:{recording}"


def cancel_key(job: str) -> str:
    """There when the job is to end."""
    return f"plexcut:cancel:{job}"


def alive_key(worker: str) -> str:
    """There while the worker lives."""
    return f"plexcut:alive:{worker}"


def held_key(job: str) -> str:
    """There while a job is not to be begun again yet."""
    return f"{HELD_KEY}:{job}"


def reach_key(worker: str) -> str:
    """What a worker reaches, as JSON; there while it lives."""
    return f"plexcut:reach:{worker}"


def log_key(job: str) -> str:
    """The list of a job's log lines, as JSON."""
    return f"plexcut:log:{job}"
