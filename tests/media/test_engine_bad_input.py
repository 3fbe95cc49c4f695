"""What is no recording is refused in one line, as the right kind of error, and nothing else is ever touched."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.media_factory import CLIPS, ClipCache

from plexcut.domain.media import IndexState
from plexcut.domain.timecode import FrameNumber
from plexcut.errors import (
    FileUnreadable,
    FormatUnsupported,
    PlexcutError,
    PositionInvalid,
    RecordingChanged,
    SpanInvalid,
    UsageError,
)
from plexcut.media import indexes
from plexcut.media.engine import Engine

_JUNK = {
    "empty.ts": b"",
    "one_byte.ts": b"\x47",
    "text.ts": b"This is no recording.\n" * 200,
    "sync_bytes.ts": b"\x47" * 20_000,
    "g.ts": b"G" * 188,
    "zeros.ts": bytes(100_000),
    "null_packets.ts": (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 300,
    "random.ts": bytes(range(256)) * 300,
    "html.mp4": b"<!DOCTYPE html><html><body>404</body></html>",
    "subtitle.mkv": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "riff.avi": b"RIFF\xff\xff\xff\xffAVI LIST",
    "ftyp.mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00\x00\x00\x08moov",
    "huge_box.mp4": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\xff\xff\xff\xffmoov" + bytes(2000),
    "ebml.mkv": b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(500),
    "picture.ts": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100),
    "subtitles.ts": b"WEBVTT\n\n00:00.000 --> 00:05.000\nHello\n",
    "concat.ts": b"ffconcat version 1.0\nfile 'other.ts'\n",
    "dash.mp4": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
}


def _refusal(call: Callable[[], object]) -> PlexcutError:
    with pytest.raises(PlexcutError) as caught:
        call()
    error = caught.value
    assert error.message
    assert len(error.line.splitlines()) == 1
    return error


def _all_calls(engine: Engine, path: Path) -> list[Callable[[], object]]:
    return [
        lambda: engine.probe(path),
        lambda: engine.frame(path, FrameNumber(0)),
        lambda: engine.frame_times_us(path, [0]),
        lambda: engine.resolve_keep(path, [(FrameNumber(0), FrameNumber(1))]),
    ]


@pytest.mark.parametrize("name", sorted(_JUNK))
def test_junk_is_no_format_we_support(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(_JUNK[name])
    engine = Engine(tmp_path / "data")
    for call in _all_calls(engine, path):
        error = _refusal(call)
        assert type(error) is FormatUnsupported
        assert name in error.line
    state = engine.index_state(path)
    assert (state.state, state.percent) == ("failed", 0.0)
    assert state.error and len(state.error.splitlines()) == 1
    assert engine.prepare(path).state == "failed"


def test_missing_files_folders_and_bad_names(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    engine = Engine(None)
    for path in (tmp_path / "none.ts", tmp_path, tmp_path / "file" / "x.ts", Path("a\x00b"), tmp_path / ("x" * 300)):
        for call in [*_all_calls(engine, path), lambda path=path: engine.fingerprint(path)]:
            assert type(_refusal(call)) is FileUnreadable
        for call in (lambda path=path: engine.index_state(path), lambda path=path: engine.prepare(path)):
            assert type(_refusal(call)) is FileUnreadable


def test_a_dangling_link_is_missing(tmp_path: Path) -> None:
    link = tmp_path / "link.ts"
    link.symlink_to(tmp_path / "nowhere.ts")
    assert type(_refusal(lambda: Engine(None).probe(link))) is FileUnreadable
    loop = tmp_path / "loop.ts"
    loop.symlink_to(loop)
    assert type(_refusal(lambda: Engine(None).probe(loop))) is FileUnreadable


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_must_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.ts"
    path.write_bytes(b"x" * 1000)
    path.chmod(0)
    assert type(_refusal(lambda: Engine(None).probe(path))) is FileUnreadable


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.ts"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        assert type(_refusal(lambda path=path: Engine(None).probe(path))) is FileUnreadable


@contextmanager
def _server() -> Iterator[tuple[int, list[str]]]:
    """A web server on this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_request(self, *args: object) -> None:
            pass

        def log_error(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("name", ["list.ts", "list.m3u8", "list.mp4"])
def test_a_playlist_names_other_files_in_vain(clip_cache: ClipCache, tmp_path: Path, name: str) -> None:
    other = clip_cache.get(CLIPS["h264_closed"]).path
    (tmp_path / "part.ts").write_bytes(other.read_bytes())
    with _server() as (port, asked):
        head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
        entries = [f"http://127.0.0.1:{port}/part.ts", str(other), f"file://{other}", "part.ts"]
        texts = [head + f"#EXTINF:4.0,\n{entry}\n#EXT-X-ENDLIST\n" for entry in entries]
        texts += [f"ffconcat version 1.0\nfile '{entry}'\n" for entry in entries]
        texts += [f"v=0\nm=video {port} RTP/AVP 96\nc=IN IP4 127.0.0.1\n"]
        for text in texts:
            path = tmp_path / name
            path.write_text(text)
            assert type(_refusal(lambda path=path: Engine(None).probe(path))) is FormatUnsupported
    assert asked == []


def test_sound_alone_is_refused(clip_cache: ClipCache) -> None:
    error = _refusal(lambda: Engine(None).probe(clip_cache.get(CLIPS["audio_only"]).path))
    assert type(error) is FormatUnsupported
    assert "no video" in error.line


def test_scrambled_is_named(clip_cache: ClipCache) -> None:
    error = _refusal(lambda: Engine(None).probe(clip_cache.get(CLIPS["ts_scrambled"]).path))
    assert type(error) is FormatUnsupported
    assert "scrambled" in error.line


@pytest.mark.parametrize(("name", "program", "said"), [("ts_radio_before", 9, "1"), ("h264_closed", 0, "1")])
def test_an_unknown_programme_is_wrong_usage(clip_cache: ClipCache, name: str, program: int, said: str) -> None:
    error = _refusal(lambda: Engine(None).probe(clip_cache.get(CLIPS[name]).path, program))
    assert type(error) is UsageError
    assert said in error.hint


def test_a_radio_programme_has_no_video(clip_cache: ClipCache) -> None:
    error = _refusal(lambda: Engine(None).probe(clip_cache.get(CLIPS["ts_radio_before"]).path, 2))
    assert type(error) is FormatUnsupported


@pytest.mark.parametrize(("start", "end"), [(5, 5), (7, 3), (100, 120), (0, 101), (99, 10**9), (10**12, 10**12 + 1)])
def test_spans_outside_reversed_or_empty(clip_cache: ClipCache, start: int, end: int) -> None:
    clip = clip_cache.get(CLIPS["h264_closed"])
    with pytest.raises(SpanInvalid):
        Engine(None).resolve_keep(clip.path, [(FrameNumber(0), FrameNumber(2)), (FrameNumber(start), FrameNumber(end))])


def test_frame_times_outside_are_refused(clip_cache: ClipCache) -> None:
    clip = clip_cache.get(CLIPS["h264_closed"])
    engine = Engine(None)
    assert engine.frame_times_us(clip.path, [0, 100]) == [0, 4_000_000]
    for frame in (-1, 101, 10**20):
        with pytest.raises(PositionInvalid):
            engine.frame_times_us(clip.path, [frame])


def test_a_file_that_changes_while_it_is_read(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "changing.ts"
    data = clip_cache.get(CLIPS["h264_closed"]).path.read_bytes()
    path.write_bytes(data[188:60_000])
    build = indexes.build_index

    def change(*args: object) -> object:
        found = build(*args)  # type: ignore[arg-type]
        path.write_bytes(data[:90_000])
        return found

    monkeypatch.setattr(indexes, "build_index", change)
    engine = Engine(tmp_path / "data")
    assert type(_refusal(lambda: engine.probe(path))) is RecordingChanged
    monkeypatch.undo()
    facts = engine.probe(path)
    assert facts.size_bytes == 90_000
    assert facts.frames == Engine(None).probe(path).frames


def test_a_file_that_is_replaced_is_another_recording(clip_cache: ClipCache, tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    engine = Engine(tmp_path / "data")
    path.write_bytes(clip_cache.get(CLIPS["h264_closed"]).path.read_bytes())
    first = engine.fingerprint(path)
    assert engine.probe(path).video.codec == "h264"
    path.write_bytes(clip_cache.get(CLIPS["hevc_closed"]).path.read_bytes())
    assert engine.fingerprint(path) != first
    assert engine.probe(path).video.codec == "hevc"
    path.unlink()
    assert type(_refusal(lambda: engine.probe(path))) is FileUnreadable


def test_prepare_builds_in_the_background(clip_cache: ClipCache, tmp_path: Path) -> None:
    clip = clip_cache.get(CLIPS["broadcast"])
    engine = Engine(tmp_path / "data")
    assert engine.index_state(clip.path).state == "none"
    assert engine.prepare(clip.path).state in ("building", "ready")
    until = time.monotonic() + 30
    while engine.index_state(clip.path).state == "building" and time.monotonic() < until:
        time.sleep(0.01)
    assert engine.index_state(clip.path) == Engine(tmp_path / "data").index_state(clip.path)
    assert engine.index_state(clip.path).state == "ready"
    assert engine.prepare(clip.path).percent == 100.0


def test_ffmpeg_says_nothing_on_stderr(clip_cache: ClipCache, tmp_path: Path) -> None:
    """Its messages about damage would stand between our one line and the user."""
    (tmp_path / "text.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"garbage" * 99)
    names = [str(clip_cache.get(CLIPS[name]).path) for name in ("ts_damaged", "ts_mid_gop_start", "ts_scrambled")]
    script = (
        "import sys\nfrom pathlib import Path\nfrom plexcut.media.engine import Engine\n"
        "from plexcut.domain.timecode import FrameNumber\nfrom plexcut.errors import PlexcutError\n"
        "for name in sys.argv[1:]:\n"
        "    for n in (0, 40, 75, 80):\n"
        "        try: Engine(None).frame(Path(name), FrameNumber(n))\n"
        "        except PlexcutError: pass\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", script, *names, str(tmp_path / "text.mp4")],
        capture_output=True, text=True, env=environment, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("codec_id", [b"A_XYZ", b"A_AC9"])
def test_a_sound_track_of_an_unknown_codec_is_still_listed(
    clip_cache: ClipCache, tmp_path: Path, codec_id: bytes
) -> None:
    """FFmpeg has no decoder for it, not even a name; the picture is there all the same."""
    data = clip_cache.get(CLIPS["mkv_h264"]).path.read_bytes()
    assert data.count(b"A_AC3") == 1
    path = tmp_path / "unknown.mkv"
    path.write_bytes(data.replace(b"A_AC3", codec_id.ljust(5, b"\x00")))
    facts = Engine(None).probe(path)
    assert facts.frames == 100
    assert [(track.codec, track.channels) for track in facts.audio][1:] == [("aac", 2)]
    assert len(facts.audio) == 2


def _ended(engine: Engine, path: Path) -> IndexState:
    until = time.monotonic() + 30
    while (state := engine.index_state(path)).state == "building" and time.monotonic() < until:
        time.sleep(0.01)
    return state


def test_a_passing_failure_is_tried_again(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that was away for a moment does not spoil the recording until the next restart."""
    path = clip_cache.get(CLIPS["h264_closed"]).path
    engine = Engine(tmp_path)

    def away(*args: object) -> object:
        raise FileUnreadable("the share is away")

    monkeypatch.setattr(indexes, "build_index", away)
    engine.prepare(path)
    assert _ended(engine, path).state == "none"
    monkeypatch.undo()
    engine.prepare(path)
    assert _ended(engine, path).state == "ready"


@pytest.mark.logs_error("index of a recording could not be built")
def test_a_fault_of_our_own_is_told_without_its_text(
    clip_cache: ClipCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip_cache.get(CLIPS["h264_closed"]).path
    engine = Engine(tmp_path)

    def broken(*args: object) -> object:
        raise IndexError("inner secrets")

    monkeypatch.setattr(indexes, "build_index", broken)
    engine.prepare(path)
    state = _ended(engine, path)
    assert state.state == "failed"
    assert state.error and "secrets" not in state.error
