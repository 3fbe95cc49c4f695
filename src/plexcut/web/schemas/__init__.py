"""The shapes of the interface: what goes in, what comes out. The page's TypeScript types are generated from these.

Times ending in `_s` are seconds, `_at` are seconds since the epoch, `percent` is 0 to 100.
"""

from __future__ import annotations

from plexcut.web.schemas.base import Answer, Body, Error, ErrorDetail, Written, WrittenSpan
from plexcut.web.schemas.catalog import (
    Health,
    Item,
    Items,
    ItemsQuery,
    Libraries,
    Library,
    LibraryState,
    QueueState,
    Section,
    Sections,
    Selection,
    SelectionChange,
    Starting,
    ThumbQuery,
    Version,
)
from plexcut.web.schemas.events import KeepEvent
from plexcut.web.schemas.filmstrip import Filmstrip, FilmstripQuery, SpriteQuery, Tile
from plexcut.web.schemas.jobs import Check, CutResult, Job, Jobs, Progress, QueueCounts, Seam, StreamResult, Worker
from plexcut.web.schemas.recordings import (
    Audio,
    CutOrder,
    FrameQuery,
    Index,
    Keep,
    KeepChange,
    Plan,
    Recording,
    Stream,
    Timeline,
    TimelineFrame,
    TimelineOrder,
    Video,
)
from plexcut.web.schemas.session import Login, Session
from plexcut.web.schemas.waveform import TrackWaveform, Waveform, WaveformQuery

__all__ = [
    "Answer",
    "Audio",
    "Body",
    "Check",
    "CutOrder",
    "CutResult",
    "Error",
    "ErrorDetail",
    "Filmstrip",
    "FilmstripQuery",
    "FrameQuery",
    "Health",
    "Index",
    "Item",
    "Items",
    "ItemsQuery",
    "Job",
    "Jobs",
    "Keep",
    "KeepChange",
    "KeepEvent",
    "Libraries",
    "Library",
    "LibraryState",
    "Login",
    "Plan",
    "Progress",
    "QueueCounts",
    "QueueState",
    "Recording",
    "Seam",
    "Section",
    "Sections",
    "Selection",
    "SelectionChange",
    "Session",
    "SpriteQuery",
    "Starting",
    "Stream",
    "StreamResult",
    "ThumbQuery",
    "Tile",
    "Timeline",
    "TimelineFrame",
    "TimelineOrder",
    "TrackWaveform",
    "Version",
    "Video",
    "Waveform",
    "WaveformQuery",
    "Worker",
    "Written",
    "WrittenSpan",
]
