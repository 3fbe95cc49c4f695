"""Where a resume point belongs after its recording was cut in place, or brought back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from plexcut.domain.followup import FollowUp
from plexcut.domain.timecode import format_timecode
from plexcut.domain.upkeep import Upkeep, WatchState, moved, moved_back

SAME_S = 2.0
"""Servers round resume points."""
BEGINNING_S = 1.0
"""A resume point so near to the beginning is none."""


def plan_resume(now: FollowUp, state: WatchState, ours: Iterable[float | None]) -> FollowUp:
    """What to do with the resume point that the server has now; `ours`: where earlier jobs have moved it.

    One that was set after the file changed is on the new time line already.
    """
    now = replace(now, count=state.count, resume_from_s=state.resume_s, resume_to_s=state.resume_s)
    if state.resume_s is None:
        return now
    by_us = any(place is not None and abs(place - state.resume_s) < SAME_S for place in ours)
    if state.watched_at is not None and state.watched_at > now.changed_at and not by_us:
        return now
    to_s = (moved_back if now.kind == "restore" else moved)(state.resume_s, now.keep) if now.keep else state.resume_s
    return replace(now, resume_to_s=None if to_s is None or to_s < BEGINNING_S else to_s, resume_moved=True)


def resume_state(now: FollowUp) -> WatchState | None:
    """What the server is to be told; None: nothing."""
    if not now.resume_moved or now.resume_to_s == now.resume_from_s:
        return None
    return WatchState(now.resume_to_s, now.count, None)


def check_resume(upkeep: Upkeep, now: FollowUp) -> None:
    """Set it (once more) where the server has the old one. Raises as `Upkeep.set_watch_state`."""
    wanted = resume_state(now)
    if wanted is None or now.resume_from_s is None:
        return
    found = upkeep.watch_state(now.item)
    if found.resume_s is not None and abs(found.resume_s - now.resume_from_s) < SAME_S:
        upkeep.set_watch_state(now.item, wanted)


def resume_note(now: FollowUp) -> str:
    """For people: what became of the resume point; empty where there was none."""
    if now.kind == "beside" or now.resume_from_s is None:
        return ""
    if not now.resume_moved:
        return "it was watched since, so its resume point was left as it is"
    if now.resume_to_s is None:
        return f"the resume point at {length(now.resume_from_s)} was cut away, and is dropped"
    if now.resume_to_s == now.resume_from_s:
        return ""
    return f"the resume point moved from {length(now.resume_from_s)} to {length(now.resume_to_s)}"


def length(seconds: float) -> str:
    """A time for people."""
    return format_timecode(Fraction(seconds), millis=False)
