"""The demo library: invented recordings with adverts, made on the machine, so that plexcut can be tried at once.

PyAV, NumPy and Pillow are imported when something has to be made, so that a later start costs nothing.
"""

from plexcut.demo.library import demo_is_complete, make_demo_library
from plexcut.demo.plan import DEMO_VERSION, DemoRecording, Part, recordings

__all__ = ["DEMO_VERSION", "DemoRecording", "Part", "demo_is_complete", "make_demo_library", "recordings"]
