"""What the engine shows and plays with: loaded when it is first asked for, because a cut needs nothing of it."""

from __future__ import annotations

from pathlib import Path

from av.video.frame import VideoFrame

from plexcut.domain.media import Picture, Source
from plexcut.domain.ports import ShouldCancel
from plexcut.media.filmstrip.strips import Filmstrips
from plexcut.media.frames import Place, Viewer
from plexcut.media.index.model import MediaIndex
from plexcut.media.indexes import Indexes
from plexcut.media.pictures import PictureWish, encode_picture
from plexcut.media.playback.player import Player
from plexcut.media.waveform.service import Waveforms
from plexcut.media.window.early import EarlyFrames


class Parts:
    """One of each; `cache_dir` as in `Engine`."""

    def __init__(self, indexes: Indexes, cache_dir: Path | None) -> None:
        self.viewer = Viewer()
        self.filmstrips = Filmstrips(cache_dir / "filmstrip" if cache_dir else None)
        self.early = EarlyFrames(indexes, self._decoded)
        self.waveforms = Waveforms(indexes, cache_dir / "waveform" if cache_dir else None)
        self.player = Player()

    def close(self) -> None:
        """End what runs in the background, and close all files."""
        self.waveforms.close()
        self.viewer.close()
        self.player.close()

    def _decoded(
        self, source: Source, index: MediaIndex, number: int, identity: str, should_cancel: ShouldCancel
    ) -> VideoFrame:
        return self.viewer.frame(Place(source, index, number, identity), should_cancel)


def picture_of(decoded: VideoFrame, index: MediaIndex, wish: PictureWish, shown: tuple[int | None, int]) -> Picture:
    """`shown`: number and time of the frame."""
    encoded = encode_picture(decoded, index.video.sample_aspect, wish.width, wish.fmt)
    return Picture(shown[0], shown[1], encoded.width, encoded.height, encoded.data, encoded.media_type)
