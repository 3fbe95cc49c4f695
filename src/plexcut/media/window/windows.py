"""Pictures before the index is there: the frame shown at a time, found in the part of the recording around it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from plexcut.domain.media import Source
from plexcut.errors import Cancelled, PlexcutError
from plexcut.media.index.packets import find_layout
from plexcut.media.sources import open_source
from plexcut.media.window.clock_line import ClockUnclear
from plexcut.media.window.containers import ContainerWindows
from plexcut.media.window.stretch import Stretch
from plexcut.media.window.transport import GiveUp, TransportWindows

log = logging.getLogger(__name__)

_RECORDINGS = 8
_STRETCHES = 24
_LOOK_EVERY_S = 0.05


@dataclass(slots=True)
class _Looked:
    """What is known of one recording. `windows` None: not looked at yet, or (`hopeless`) of no use."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    windows: TransportWindows | ContainerWindows | None = None
    hopeless: bool = False
    stretches: OrderedDict[str, Stretch] = field(default_factory=OrderedDict)


class Windows:
    """Finds stretches of recordings that tell which frame is shown at a time. Safe for several threads.

    What it says is what the index will say; where it cannot be sure of that it says nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked: OrderedDict[tuple[str, int | None], _Looked] = OrderedDict()

    def around(
        self, source: Source, identity: tuple[str, int | None], time_us: int, give_up: GiveUp
    ) -> tuple[Stretch, int] | None:
        """A stretch and the frame in it that is shown at a time; None: only the whole index can tell.

        `identity`: the fingerprint of the file's content, and the programme. `give_up` is asked now and then.
        """
        looked = self._of(identity)
        while not looked.lock.acquire(timeout=_LOOK_EVERY_S):
            if give_up():
                return None
        try:
            return self._found(looked, source, identity[1], time_us, give_up)
        finally:
            looked.lock.release()

    @staticmethod
    def _found(
        looked: _Looked, source: Source, program: int | None, time_us: int, give_up: GiveUp
    ) -> tuple[Stretch, int] | None:
        for name, stretch in reversed(looked.stretches.items()):
            number = stretch.frame_at(time_us)
            if number is not None:
                looked.stretches.move_to_end(name)
                return stretch, number
        found = None if looked.hopeless else _look(looked, source, program, time_us, give_up)
        if found is None:
            return None
        looked.stretches[found.name] = found
        while len(looked.stretches) > _STRETCHES:
            looked.stretches.popitem(last=False)
        number = found.frame_at(time_us)
        return None if number is None else (found, number)

    def _of(self, identity: tuple[str, int | None]) -> _Looked:
        with self._lock:
            looked = self._looked.setdefault(identity, _Looked())
            self._looked.move_to_end(identity)
            while len(self._looked) > _RECORDINGS:
                self._looked.popitem(last=False)
            return looked


def _look(looked: _Looked, source: Source, program: int | None, time_us: int, give_up: GiveUp) -> Stretch | None:
    try:
        if looked.windows is None:
            with open_source(source) as file:
                transport = find_layout(file.read(1 << 18)) is not None
            looked.windows = TransportWindows(source, program) if transport else ContainerWindows(source)
        return looked.windows.around(time_us, give_up)
    except Cancelled:
        raise
    except (ClockUnclear, PlexcutError) as error:
        looked.hopeless = looked.windows is None
        log.debug("%s: waiting for the index: %s", source.name, str(error) or "its clock is unclear")
        return None
