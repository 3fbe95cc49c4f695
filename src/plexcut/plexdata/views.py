"""The shapes that the HTTP interface and `--json` answer with, from our own data. Pure functions."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from plexcut.domain import places
from plexcut.domain.catalog import Item, Section
from plexcut.domain.jobs import Job, LogLine, Progress
from plexcut.domain.media import CutPlan, Filmstrip, RecordingFacts
from plexcut.domain.naming import SpanName
from plexcut.domain.ports import Notice
from plexcut.domain.selection import Selection
from plexcut.domain.timecode import us_to_s
from plexcut.domain.trash import Emptied, TrashEntry
from plexcut.plexdata.model import (
    CutOptions,
    Health,
    ImportedKeep,
    KeepPast,
    KeepState,
    LibraryStatus,
    PreCheck,
    Proposal,
    RecordingInfo,
    TimelineFrame,
)

_FACT_KEYS = (
    "duration_s",
    "frames",
    "fps",
    "keyframes",
    "video",
    "audio",
    "subtitles",
    "other",
    "discontinuities",
    "container",
    "size_bytes",
)

_JOB_KEYS = tuple(field.name for field in fields(Job) if field.name != "meta")


def library(status: LibraryStatus) -> dict[str, Any]:
    """`{id, name, kind, online, message}`."""
    return asdict(status)


def libraries(statuses: tuple[LibraryStatus, ...]) -> dict[str, Any]:
    """`{libraries, total}`."""
    return {"libraries": [library(status) for status in statuses], "total": len(statuses)}


def notices(found: tuple[Notice, ...]) -> dict[str, Any]:
    """`{notices: [{code, message, hint}], total}`."""
    return {"notices": [asdict(one) for one in found], "total": len(found)}


def health(state: Health) -> dict[str, Any]:
    """`{status, version, libraries, queue{online, workers}}`, and `notices` where there are any."""
    told = {"notices": [asdict(one) for one in state.notices]} if state.notices else {}
    return {
        **told,
        "status": state.status,
        "version": state.version,
        "libraries": [library(status) for status in state.libraries],
        "queue": {"online": state.queue_online, "workers": state.workers},
    }


def section(found: Section) -> dict[str, Any]:
    """`{id, title, section_type}`."""
    return {"id": found.id, "title": found.title, "section_type": found.section_type}


def sections(found: tuple[Section, ...]) -> dict[str, Any]:
    """`{sections, total}`."""
    return {"sections": [section(one) for one in found], "total": len(found)}


def item(found: Item) -> dict[str, Any]:
    """An item with its versions; `thumb` is the poster's address, None where there is none."""
    return {
        "id": found.id,
        "type": found.type,
        "title": found.title,
        "library": found.library,
        "section": found.section,
        "year": found.year,
        "added_at": found.added_at,
        "duration_s": found.duration_s,
        "recording": found.recording,
        "parent": found.parent,
        "show": found.show,
        "index": found.index,
        "parent_index": found.parent_index,
        "show_title": found.show_title,
        "summary": found.summary,
        "air_date": found.air_date,
        "channel": found.channel,
        "thumb": f"/api/items/{found.id}/thumb" if found.has_thumb else None,
        "versions": [asdict(version) for version in found.versions],
        "edits": None if found.edits is None else asdict(found.edits),
    }


def items(found: tuple[Item, ...], total: int | None = None) -> dict[str, Any]:
    """`{items, total}`; `total` None: these are all."""
    return {"items": [item(one) for one in found], "total": len(found) if total is None else total}


def selection(selected: Selection) -> dict[str, Any]:
    """The whole selection with item objects."""

    def many(found: tuple[Item, ...] | None) -> list[dict[str, Any]] | None:
        return None if found is None else [item(one) for one in found]

    def one(found: Item | None) -> dict[str, Any] | None:
        return None if found is None else item(found)

    return {
        "library": selected.library,
        "section_type": selected.section_type,
        "section": section(selected.section) if selected.section else None,
        "shows": many(selected.shows),
        "show": one(selected.show),
        "seasons": many(selected.seasons),
        "season": one(selected.season),
        "movies": many(selected.movies),
        "movie": one(selected.movie),
        "pos_s": selected.pos_s,
        "eta_s": selected.eta_s,
    }


def probe(facts: RecordingFacts) -> dict[str, Any]:
    """The keys of `plexcut probe --json`."""
    return asdict(facts)


def recording(info: RecordingInfo) -> dict[str, Any]:
    """The probe keys (None until the index is there) and what identifies the recording."""
    facts = probe(info.facts) if info.facts else dict.fromkeys(_FACT_KEYS)
    return {
        "id": info.id,
        "title": info.title,
        "item": info.item,
        "path_name": info.path_name,
        "fingerprint": info.fingerprint,
        "index": asdict(info.index),
        "keep_revision": info.keep_revision,
        **facts,
    }


def keep(state: KeepState) -> dict[str, Any]:
    """`{keep, keep_frames, revision, fingerprint, applies, imported}`."""
    return {
        "keep": [list(span) for span in state.keep_s],
        "keep_frames": [list(span) for span in state.keep_frames],
        "revision": state.revision,
        "fingerprint": state.fingerprint,
        "applies": state.applies,
        "imported": None if state.imported is None else imported(state.imported),
    }


def span_name(found: SpanName) -> dict[str, Any]:
    """`{start_frame, end_frame, name}`."""
    return {"start_frame": found.start, "end_frame": found.end, "name": found.name}


def keep_history(past: KeepPast) -> dict[str, Any]:
    """The keys of `keep`, and `{steps: [{revision, keep, keep_frames, label, saved_at, names}], total, position,
    can_undo, can_redo}`.
    """
    steps = []
    for step in past.steps:
        shown = keep(step.state)
        del shown["fingerprint"], shown["applies"], shown["imported"]
        names = step.state.names
        called = None if names is None else [span_name(one) for one in names]
        steps.append({**shown, "label": step.label, "saved_at": step.saved_at, "names": called})
    return {
        **keep(past.saved),
        "steps": steps,
        "total": len(steps),
        "position": past.position,
        "can_undo": past.position > 0,
        "can_redo": past.position < len(steps) - 1,
    }


def breaks(found: Proposal) -> dict[str, Any]:
    """`{breaks: [{start_s, end_s, start_frame, end_frame, confidence, evidence, dismissed}], total, name, format}`."""
    shown = [{**asdict(one), "evidence": list(one.evidence)} for one in found.breaks]
    return {"breaks": shown, "total": len(shown), "name": found.name, "format": found.format or None}


def imported(found: ImportedKeep) -> dict[str, Any]:
    """`{format, name, keep, keep_frames, labels, notes}`."""
    return {
        "format": found.format,
        "name": found.name,
        "keep": [list(span) for span in found.keep_s],
        "keep_frames": [list(span) for span in found.keep_frames],
        "labels": list(found.labels),
        "notes": list(found.notes),
    }


def plan(planned: CutPlan) -> dict[str, Any]:
    """The keys of `plexcut plan --json`, and what will really be kept."""
    return {
        "frames": planned.frames,
        "frames_copied": planned.frames_copied,
        "frames_reencoded": planned.frames_reencoded,
        "duration_s": planned.duration_s,
        "bytes": planned.bytes,
        "warnings": list(planned.warnings),
        "keep": [list(span) for span in planned.keep_s],
        "keep_frames": [list(span) for span in planned.keep],
        "spans": [asdict(span) for span in planned.spans],
        "snap": [asdict(edge) for edge in planned.snap],
    }


def keeps(found: tuple[str, ...]) -> dict[str, Any]:
    """`{keeps: [{recording}], total}`."""
    return {"keeps": [{"recording": recording} for recording in found], "total": len(found)}


def cut_options(found: CutOptions) -> dict[str, Any]:
    """`{mode, output, outputs, output_folder, keep_original_days}`."""
    folder = found.output_folder
    return {**asdict(found), "outputs": list(found.outputs), "output_folder": folder and places.shown(folder)}


def pre_checks(found: tuple[PreCheck, ...]) -> dict[str, Any]:
    """`{ok, checks: [{name, ok, vital, code, message, hint}]}`."""
    shown = [
        {
            "name": check.name,
            "ok": check.ok,
            "vital": check.vital,
            "code": check.error.code if check.error else None,
            "message": check.error.message if check.error else "",
            "hint": check.error.hint if check.error else "",
        }
        for check in found
    ]
    return {"ok": all(check.ok or not check.vital for check in found), "checks": shown}


def trash_entry(found: TrashEntry) -> dict[str, Any]:
    """`{id, path, name, kind, trashed_at, expires_at, duration_s, size_bytes, files: [{name, role, size_bytes}]}`."""
    return {
        "id": found.id,
        "path": places.shown(found.path),
        "name": found.path.name,
        "kind": found.kind,
        "trashed_at": found.trashed_at,
        "expires_at": found.expires_at,
        "duration_s": found.duration_s,
        "size_bytes": found.size_bytes,
        "files": [{"name": one.name, "role": one.role, "size_bytes": one.size_bytes} for one in found.files],
    }


def trash(found: tuple[TrashEntry, ...]) -> dict[str, Any]:
    """`{entries, total, size_bytes}`."""
    size_bytes = sum(entry.size_bytes for entry in found)
    return {"entries": [trash_entry(entry) for entry in found], "total": len(found), "size_bytes": size_bytes}


def emptied(found: Emptied) -> dict[str, Any]:
    """`{deleted, freed_bytes, kept}`."""
    return {"deleted": list(found.deleted), "freed_bytes": found.freed_bytes, "kept": list(found.kept)}


def job(found: Job) -> dict[str, Any]:
    """The job, with what its order's answer carries besides."""
    shown = {name: getattr(found, name) for name in _JOB_KEYS}
    return {**found.meta, **shown}


def jobs(found: tuple[Job, ...], total: int | None = None) -> dict[str, Any]:
    """`{jobs, total}`; `total` None: these are all."""
    return {"jobs": [job(one) for one in found], "total": len(found) if total is None else total}


def job_log(lines: tuple[LogLine, ...]) -> dict[str, Any]:
    """`{lines: [{at, level, message}], total}`."""
    return {"lines": [asdict(line) for line in lines], "total": len(lines)}


def progress(state: Progress) -> dict[str, Any]:
    """`{state, job, title, phase, percent, eta_s, worker, queue}`."""
    return asdict(state)


def filmstrip(strip: Filmstrip) -> dict[str, Any]:
    """`{tiles: [{frame, time_s, x, y, w, h}], width, height, from_s, to_s, step, provisional}`."""
    tiles = [
        {"frame": one.frame, "time_s": us_to_s(one.time_us), "x": one.x, "y": one.y, "w": one.w, "h": one.h}
        for one in strip.tiles
    ]
    return {
        "tiles": tiles,
        "width": strip.width,
        "height": strip.height,
        "from_s": us_to_s(strip.start_us),
        "to_s": us_to_s(strip.end_us),
        "step": strip.step,
        "provisional": strip.provisional,
    }


def timeline(frames: tuple[TimelineFrame, ...], static_url: str = "/static") -> dict[str, Any]:
    """`{frames: [{k, pos_s, frame, time_s, url}], total}`."""
    shown = [
        {
            "k": one.k,
            "pos_s": one.pos_s,
            "frame": one.frame,
            "time_s": one.time_s,
            "url": f"{static_url}/{one.recording}/{one.name}",
        }
        for one in frames
    ]
    return {"frames": shown, "total": len(shown)}
