"""The orchestrator: one module a use case, and the class `Plexdata` in front of them."""

from plexcut.plexdata.model import (
    CutOrder,
    Event,
    Health,
    KeepOrder,
    KeepState,
    LibraryStatus,
    Ports,
    RecordingInfo,
    SelectionChange,
    TimelineFrame,
)
from plexcut.plexdata.orchestrator import Plexdata

__all__ = [
    "CutOrder",
    "Event",
    "Health",
    "KeepOrder",
    "KeepState",
    "LibraryStatus",
    "Plexdata",
    "Ports",
    "RecordingInfo",
    "SelectionChange",
    "TimelineFrame",
]
