"""Writing a result that is no transport stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from plexcut.domain.containers import of_format, written_as
from plexcut.domain.media import CutRequest, StreamResult
from plexcut.media.cutting.pictures import PictureSource
from plexcut.media.cutting.plan import Plan
from plexcut.media.cutting.runs import SeamsSpent
from plexcut.media.cutting.schedule import Schedule
from plexcut.media.index.model import MediaIndex

if TYPE_CHECKING:
    from plexcut.media.cutting.remux import ContainerCut
    from plexcut.media.cutting.ts_remux import TransportToContainer


@dataclass(frozen=True, slots=True)
class Watch:
    """What is told while it is written: the share that is encoded, and that is written; first where is noted what
    encoding takes.
    """

    on_encoded: Callable[[float], None]
    on_written: Callable[[float], None]
    should_cancel: Callable[[], bool]
    on_begin: Callable[[SeamsSpent], None]


def is_container(request: CutRequest, index: MediaIndex) -> bool:
    """Whether the result is an MP4, MKV, ... file; else a transport stream.

    Raises:
        FormatUnsupported: it cannot be what is wanted.
    """
    own = of_format(index.container)
    return written_as(request.source.name, own, request.container, chapters=request.chapters) != "ts"


def render_container(
    request: CutRequest, index: MediaIndex, cut: tuple[Plan, Schedule], out: BinaryIO, watch: Watch
) -> tuple[StreamResult, ...]:
    """Write the result to `out`; what became of each stream.

    Raises:
        OSError: `out` cannot be written. FileUnreadable, FormatUnsupported. Whatever `watch` raises.
    """
    from plexcut.media.cutting.ts_remux import SetsMeet

    try:
        return _rendered(request, index, cut, (out, watch))
    except SetsMeet:
        out.seek(0)
        out.truncate()
        return _rendered(request, index, cut, (out, watch), in_band=True)


def _rendered(
    request: CutRequest,
    index: MediaIndex,
    cut: tuple[Plan, Schedule],
    target: tuple[BinaryIO, Watch],
    *,
    in_band: bool = False,
) -> tuple[StreamResult, ...]:
    from plexcut.media.cutting.remux import ContainerCut, Wishes
    from plexcut.media.cutting.ts_remux import TransportToContainer

    (plan, schedule), (out, watch) = cut, target
    pictures = PictureSource(request.source, index, plan, schedule)
    try:
        watch.on_begin(pictures.spent)
        pictures.encode_seams(watch.on_encoded, watch.should_cancel)
        wishes = Wishes(request.container, request.chapters)
        writer: ContainerCut | TransportToContainer
        if index.container == "mpegts":
            writer = TransportToContainer(request.source, index, schedule, pictures, wishes)
            writer.in_band = writer.in_band or in_band
        else:
            writer = ContainerCut(request.source, index, schedule, pictures, wishes)
        watch.on_written(0.0)
        for fraction in writer.write(out):
            watch.on_written(fraction)
        return writer.results()
    finally:
        pictures.close()
