"""What can be seen and heard of a recording: the part of `Plexdata` that looks at media and changes nothing."""

from __future__ import annotations

from plexcut.domain.media import Filmstrip, Picture, PictureFormat, Waveform, WaveformOrder
from plexcut.domain.ports import PlayableFile, ShouldCancel, never
from plexcut.plexdata.filmstrip import Filmstrips, StripOrder
from plexcut.plexdata.frames import FoundPicture, Frames, PictureOrder
from plexcut.plexdata.hosts import Hosts
from plexcut.plexdata.keeping import Keeping
from plexcut.plexdata.landmarks import LandmarkDoor
from plexcut.plexdata.model import Ports, Written
from plexcut.plexdata.playback import Playback, PlayOrder
from plexcut.plexdata.waveform import Waveforms


class LookingDoor(LandmarkDoor):
    """Part of the one door, `Plexdata`: pictures, filmstrips, waveforms and playback by recording."""

    def __init__(self, hosts: Hosts, ports: Ports, keeping: Keeping) -> None:
        self._frames = Frames(hosts, ports, keeping)
        self._filmstrips = Filmstrips(hosts, ports)
        self._waveforms = Waveforms(hosts, ports)
        self._playback = Playback(hosts, ports)

    def frame(
        self,
        recording: str,
        at: Written,
        width: int | None = None,
        fmt: PictureFormat = "jpg",
        *,
        should_cancel: ShouldCancel = never,
    ) -> Picture:
        """The frame shown at `at`, `width` pixels wide (16 to 4096; None: full size).

        A host that was down is initialised again when it answers; it is asked at most every 5 s.

        Raises:
            RecordingNotFound, LibraryOffline, PositionInvalid, UsageError, FileUnreadable, FormatUnsupported,
            Cancelled.
        """
        return self._frames.frame(recording, at, width, fmt, should_cancel=should_cancel)

    def picture(self, order: PictureOrder, *, should_cancel: ShouldCancel = never) -> FoundPicture:
        """As `frame`, for a client that may have the picture, or shall not wait for the index.

        Raises:
            NotReady: it would have to wait. Besides what `frame` raises.
        """
        return self._frames.picture(order, should_cancel=should_cancel)

    def fingerprint(self, recording: str) -> str:
        """The identity of a recording's content now; cheap.

        Raises:
            RecordingNotFound, LibraryOffline, FileUnreadable.
        """
        return self._filmstrips.fingerprint(recording)

    def filmstrip(self, order: StripOrder, *, should_cancel: ShouldCancel = never) -> Filmstrip:
        """Pictures of a range of a recording in one image, each with its frame and place.

        Until the index is ready they come from the library's own previews where it has some (`provisional`); where it
        has none this waits.

        Raises:
            UsageError, SpanInvalid: the order is not possible. RecordingChanged: the file is another one than that of
            `order.fingerprint`. RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported, Cancelled.
        """
        return self._filmstrips.filmstrip(order, should_cancel=should_cancel)

    def waveform(self, recording: str, order: WaveformOrder, *, should_cancel: ShouldCancel = never) -> Waveform:
        """How loud a range of a recording is, by track; begins to measure it all where that was not done.

        Raises:
            UsageError, SpanInvalid: the order is not possible. NotReady: the index was not there within its `wait_s`.
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported, RecordingChanged, Cancelled.
        """
        return self._waveforms.waveform(recording, order, should_cancel=should_cancel)

    def play(self, order: PlayOrder) -> PlayableFile:
        """A span or the kept spans of a recording as a file that a browser plays; waits for the index.

        Raises:
            SpanInvalid; UsageError: no such audio track.
            RecordingChanged: the file is not the one of `order.fingerprint`.
            RecordingNotFound, LibraryOffline, FileUnreadable, FormatUnsupported.
        """
        return self._playback.play(order)
