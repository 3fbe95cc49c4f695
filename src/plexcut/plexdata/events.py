"""Who wants to be told, and telling them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from plexcut.plexdata.model import Event, EventName

log = logging.getLogger(__name__)

Listener = Callable[[Event], None]


class Events:
    """Hands each event to every listener, in the thread where it happened. A listener must not block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, Listener] = {}
        self._next = 0
        self._changed = threading.Event()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of everything from now on; the answer, called, ends that."""
        with self._lock:
            key = self._next
            self._next += 1
            self._listeners[key] = listener
            self._changed.set()

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def emit(self, name: EventName, data: dict[str, Any], client: str | None = None) -> None:
        """Tell every listener; one that fails is logged and does not keep the others from it."""
        event = Event(name, data, client)
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed at a %s event", name)

    @property
    def listeners(self) -> int:
        """How many listen."""
        with self._lock:
            return len(self._listeners)

    def wait_for_listener(self, timeout_s: float) -> bool:
        """Wait until somebody listens, or has just begun to; whether somebody does."""
        self._changed.wait(timeout_s)
        self._changed.clear()
        return self.listeners > 0

    def wake(self) -> None:
        """End a wait at once (at the end of the process)."""
        self._changed.set()
