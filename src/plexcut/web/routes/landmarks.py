"""What stands out in a recording: keyframes, places for copies, chapters, markers, silences."""

from __future__ import annotations

from quart import Blueprint, Response

from plexcut.domain.timecode import us_to_s
from plexcut.plexdata.landmarks import RangeOrder, RecordingMarks
from plexcut.web import schemas
from plexcut.web.context import answer, context
from plexcut.web.documentation import documented
from plexcut.web.requests import read_clamped_edge, read_query
from plexcut.web.text import clean

blueprint = Blueprint("landmarks", __name__)


@blueprint.get("/api/recordings/<id:recording>/marks")
@documented("recordings", {200: schemas.Marks})
async def get_marks(recording: str) -> Response:
    """The clock of a recording, its chapters, the Plex server's markers, and where it is silent."""
    ctx = context()
    return answer(_marks(await ctx.threads.run("work", ctx.plexdata.marks, recording)))


@blueprint.get("/api/recordings/<id:recording>/keyframes")
@documented("recordings", {200: schemas.Keyframes}, query=schemas.KeyframesQuery)
async def get_keyframes(recording: str) -> Response:
    """The keyframes in a range, by their numbers."""
    ctx = context()
    query = read_query(schemas.KeyframesQuery)
    found = await ctx.threads.run("work", ctx.plexdata.keyframes, _range(recording, query), query.limit)
    return answer(
        schemas.Keyframes(
            keyframes=list(found.keyframes), total=found.total, from_frame=found.start, to_frame=found.end
        )
    )


@blueprint.get("/api/recordings/<id:recording>/copy-points")
@documented("recordings", {200: schemas.CopyPoints}, query=schemas.RangeQuery)
async def get_copy_points(recording: str) -> Response:
    """Where a kept span can begin and end so that nothing, or next to nothing, is re-encoded."""
    ctx = context()
    query = read_query(schemas.RangeQuery)
    found = await ctx.threads.run("work", ctx.plexdata.copy_points, _range(recording, query))
    return answer(
        schemas.CopyPoints(
            starts=[schemas.CopyStart(frame=one.frame, reencoded=one.reencoded) for one in found.starts],
            ends=list(found.ends),
            from_frame=found.start,
            to_frame=found.end,
        )
    )


def _range(recording: str, query: schemas.RangeQuery) -> RangeOrder:
    return RangeOrder(recording, read_clamped_edge(query.from_), read_clamped_edge(query.to))


def _marks(found: RecordingMarks) -> schemas.Marks:
    origins = (("file", found.file.chapters), ("library", found.library.chapters))
    return schemas.Marks(
        clock=[(frame, us_to_s(time_us)) for frame, time_us in found.file.clock],
        chapters=[
            schemas.Chapter(
                title=clean(one.title),
                start_s=us_to_s(one.start_us),
                end_s=us_to_s(one.end_us),
                origin="file" if origin == "file" else "library",
            )
            for origin, chapters in origins
            for one in chapters
        ],
        markers=[
            schemas.Marker(kind=one.kind, start_s=us_to_s(one.start_us), end_s=us_to_s(one.end_us))
            for one in found.library.markers
        ],
        silences=[(us_to_s(first), us_to_s(last)) for first, last in found.file.silences],
        silences_known_s=us_to_s(found.file.silences_known_us),
    )
