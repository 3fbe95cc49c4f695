"""A cut in place whose worker died after the swap and before its last word: the work is done, the job does not know."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any, cast

from plexcut.domain.filestore import FileStore
from plexcut.domain.media import CutMode, CutResult
from plexcut.domain.ports import MediaEngine
from plexcut.domain.spans import KeepList, Span
from plexcut.domain.trash import Spot
from plexcut.errors import PlexcutError

logger = logging.getLogger(__name__)


def result_in_place(movie: dict[str, Any], engine: MediaEngine, files: FileStore) -> dict[str, Any] | None:
    """The result of the cut `movie` where it lies in the recording's place already; None where it does not.

    It does if the newest file that this recording left in the trash is the one that was to be cut, and if what lies
    in its place now passes every check against it: the certificate is made again, not believed.
    """
    source, root = Path(movie["path"]), Path(movie["root"])
    original = _last_in_trash(Spot(source, root), files)
    try:
        if original is None or engine.fingerprint(original) != movie["fingerprint"]:
            return None
        keep = KeepList.of(Span(start, end) for start, end in movie["keep"])
        plan = engine.plan(original, keep, cast(CutMode, movie["mode"]))
        widened = KeepList.of(Span(start, end) for start, end in plan.keep)
        proof = engine.verify(original, source, widened)
        if not proof.ok:
            return None
        size_bytes = source.stat().st_size
    except (PlexcutError, OSError) as error:
        logger.info("%s is not the result of this job: %s", source.name, error)
        return None
    logger.info("%s had been cut in place before its job could say so", source.name)
    result = CutResult(
        path=str(source),
        duration_s=plan.duration_s,
        frames=plan.frames,
        frames_copied=plan.frames_copied,
        frames_reencoded=plan.frames_reencoded,
        bytes=size_bytes,
        seconds=0.0,
        verified=True,
        seams=proof.seams,
        checks=proof.checks,
        warnings=plan.warnings,
    )
    return dataclasses.asdict(result)


def _last_in_trash(spot: Spot, files: FileStore) -> Path | None:
    try:
        mine = [entry for entry in files.entries([spot.root]) if entry.path == spot.path]
    except PlexcutError:
        return None
    newest = max(mine, key=lambda entry: entry.sequence, default=None)
    if newest is None:
        return None
    return next((newest.folder / file.name for file in newest.files if file.role == "recording"), None)
