"""Whether the process that runs a task was told to end. Set by the worker's signal handler, read by the task."""

from __future__ import annotations

import threading

requested = threading.Event()
"""The worker stops."""

orphaned = threading.Event()
"""The worker has died."""
