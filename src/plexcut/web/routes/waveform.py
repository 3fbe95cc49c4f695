"""Waveforms: how loud a range is."""

from __future__ import annotations

import asyncio
import time

from quart import Blueprint, Response

from plexcut.domain.media import Waveform, WaveformOrder
from plexcut.domain.timecode import us_to_s
from plexcut.errors import NotReady
from plexcut.web import schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.files import REVALIDATE
from plexcut.web.requests import read_clamped_edge, read_query

blueprint = Blueprint("waveform", __name__)

_NOT_KEPT = "no-store"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.4


@blueprint.get("/api/recordings/<id:recording>/waveform")
@documented("recordings", {200: schemas.Waveform}, query=schemas.WaveformQuery)
async def get_waveform(recording: str) -> Response:
    """Peaks and loudness of every audio track in a range."""
    query = read_query(schemas.WaveformQuery)
    order = WaveformOrder(read_clamped_edge(query.from_), read_clamped_edge(query.to), query.points, wait_s=0)
    found = await _waited_for(recording, order, query.wait_s)
    response = answer(_shaped(found))
    whole = found.complete and found.percent >= 100
    response.headers["Cache-Control"] = REVALIDATE if whole else _NOT_KEPT
    return response


async def _waited_for(recording: str, order: WaveformOrder, wait_s: float) -> Waveform:
    """The whole answer, or what there is of it after `wait_s`; those who wait hold up no thread."""
    ctx = context()
    until = time.monotonic() + wait_s
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            found = await ctx.threads.run_stoppable("sound", ctx.plexdata.waveform, recording, order)
            if found.complete or time.monotonic() >= until:
                return found
        except NotReady:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _shaped(found: Waveform) -> schemas.Waveform:
    """The answer. Its numbers are ours: they need no looking at, of which there are some 50,000."""
    tracks = [
        schemas.TrackWaveform.model_construct(
            id=one.id,
            codec=one.codec,
            language=one.language,
            channels=one.channels,
            peaks=list(one.peaks),
            loudness_lufs=list(one.loudness_lufs),
            integrated_lufs=one.integrated_lufs,
        )
        for one in found.tracks
    ]
    return schemas.Waveform.model_construct(
        from_s=us_to_s(found.start_us),
        to_s=us_to_s(found.end_us),
        points=found.points,
        peaks=list(found.peaks),
        tracks=tracks,
        complete=found.complete,
        percent=found.percent,
        known_to_s=us_to_s(found.known_to_us),
    )
