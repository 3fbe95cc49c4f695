"""Sources that are read by ranges: the bytes of the file, by few requests, for many threads, after failures too."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media.ranges import MemoryRanges

from plexcut.errors import FileUnreadable, LibraryOffline
from plexcut.media.blocks import BLOCK_BYTES, REQUEST_BYTES, BlockCache, shared_cache
from plexcut.media.sources import RangeFile, open_source, status_of

ROOT = Path(__file__).resolve().parents[2]
DATA = random.Random(1).randbytes(5 * BLOCK_BYTES + 1234)
MIB = 1 << 20


def opened(ranges: MemoryRanges, cache: BlockCache | None = None) -> RangeFile:
    return RangeFile(ranges, ranges.status(), cache or BlockCache())


def settle(ranges: MemoryRanges) -> int:
    """Wait until nothing more is asked for; the number of requests."""
    before = -1
    while before != len(ranges.asked):
        before = len(ranges.asked)
        time.sleep(0.05 + 2 * ranges.latency_s)
    return before


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3).flatmap(lambda n: st.just(n * BLOCK_BYTES + n)),
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2]), st.integers(-900_000, 900_000), st.integers(-1, 900_000)), max_size=12
    ),
)
def test_it_reads_as_a_file_does(size: int, steps: list[tuple[int, int, int]]) -> None:
    data = DATA[:size]
    ours, theirs = opened(MemoryRanges(data)), io.BytesIO(data)
    for whence, offset, count in steps:
        base = (0, theirs.tell(), size)[whence]
        if base + offset < 0:
            with pytest.raises(OSError):
                ours.seek(offset, whence)
            continue
        assert ours.seek(offset, whence) == theirs.seek(base + offset)
        assert ours.read(count) == theirs.read(count)
        assert ours.tell() == theirs.tell()


def test_it_can_be_wrapped_as_any_file() -> None:
    with open_source(MemoryRanges(DATA)) as file:
        assert file.readable() and file.seekable() and not file.writable()
        assert file.name == "film.ts"
        buffered = io.BufferedReader(file)  # type: ignore[arg-type]
        assert buffered.read(10) == DATA[:10]
        assert buffered.read() == DATA[10:]
    with pytest.raises(ValueError, match="closed"):
        file.read(1)
    assert opened(MemoryRanges(b"")).read() == b""
    assert opened(MemoryRanges(DATA)).readall() == DATA


def test_a_local_file_is_a_source_too(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(b"abc")
    with open_source(path) as file:
        assert file.read() == b"abc"
    assert status_of(path).size_bytes == 3
    assert status_of(path).version == path.stat().st_mtime_ns
    for wrong in (tmp_path, tmp_path / "b.ts", tmp_path / ("n" * 300), Path("a\0b")):
        with pytest.raises(FileUnreadable):
            open_source(wrong)


def test_a_random_place_costs_one_request_and_little_more_than_it_holds() -> None:
    ranges = MemoryRanges(bytes(40 * MIB))
    cache = BlockCache()
    for start, size in ((30 * MIB, 10), (7 * MIB + 5, 700_000), (20 * MIB - 3, 6), (3 * MIB, 2_000_000)):
        ranges.asked.clear()
        file = opened(ranges, cache)
        file.seek(start)
        file.read(size)
        assert settle(ranges) == 1
        assert ranges.bytes_asked <= size + 2 * BLOCK_BYTES


def test_reading_on_reads_ahead_in_few_requests_each_byte_once() -> None:
    ranges = MemoryRanges(DATA * 20, latency_s=0.002)
    file = opened(ranges)
    while file.read(32_768):
        pass
    settle(ranges)
    blocks = -(-len(ranges.data) // BLOCK_BYTES)
    assert len(ranges.asked) < blocks / 2
    assert ranges.bytes_asked == len(ranges.data)
    assert max(size for _, size in ranges.asked) <= REQUEST_BYTES


def test_reading_on_does_not_wait_for_each_request() -> None:
    ranges = MemoryRanges(bytes(32 * MIB), latency_s=0.02)
    file = opened(ranges)
    while file.read(65_536):
        time.sleep(0.0005)
    assert ranges.most_at_once > 1
    # A large read is fetched by several requests at once.
    ranges = MemoryRanges(bytes(8 * MIB), latency_s=0.2)
    opened(ranges).read(8 * MIB)
    assert len(ranges.asked) == 4
    assert ranges.most_at_once > 1


def test_one_request_however_many_wait() -> None:
    ranges = MemoryRanges(DATA)
    ranges.gate = threading.Event()
    cache = BlockCache()
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(opened(ranges, cache).read(100_000))) for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    ranges.gate.set()
    for thread in threads:
        thread.join(10)
    assert found == [DATA[:100_000]] * 12
    assert len(ranges.asked) == 1


def test_what_failed_is_asked_for_again() -> None:
    ranges = MemoryRanges(DATA)
    file = opened(ranges)
    ranges.fail_next = 1
    with pytest.raises(LibraryOffline):
        file.read(100)
    assert file.read(100) == DATA[:100]
    ranges.offline = True
    with pytest.raises(LibraryOffline):
        file.seek(4 * BLOCK_BYTES) and file.read(1)
    ranges.offline = False
    assert file.read(1) == DATA[4 * BLOCK_BYTES : 4 * BLOCK_BYTES + 1]


def test_a_failure_to_read_ahead_is_nobodys_failure() -> None:
    class FailsAhead(MemoryRanges):
        def read(self, start: int, size: int) -> bytes:
            if threading.current_thread().name.startswith("read-ahead"):
                raise LibraryOffline("not now")
            return super().read(start, size)

    ranges: MemoryRanges = FailsAhead(DATA)
    file = opened(ranges)
    assert b"".join(iter(lambda: file.read(50_000), b"")) == DATA


def test_who_waits_for_what_failed_for_somebody_else_asks_again() -> None:
    cache = BlockCache()
    ranges = MemoryRanges(DATA)
    ranges.gate = threading.Event()
    ranges.fail_next = 1
    failed: list[BaseException] = []

    def first() -> None:
        try:
            opened(ranges, cache).read(10)
        except LibraryOffline as error:
            failed.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    while not ranges.asked:
        time.sleep(0.01)
    found: list[bytes] = []
    second = threading.Thread(target=lambda: found.append(opened(ranges, cache).read(10)))
    second.start()
    time.sleep(0.05)
    ranges.gate.set()
    thread.join(10)
    second.join(10)
    assert len(failed) == 1
    assert found == [DATA[:10]]


def test_a_file_that_became_shorter_says_so_and_gives_what_there_is() -> None:
    ranges = MemoryRanges(DATA)
    file = opened(ranges)
    ranges.data = DATA[: BLOCK_BYTES + 100]
    assert file.read(BLOCK_BYTES) == DATA[:BLOCK_BYTES]
    with pytest.raises(FileUnreadable, match=r"film\.ts ended early"):
        file.read(BLOCK_BYTES)


def test_blocks_of_another_version_are_not_taken() -> None:
    ranges = MemoryRanges(DATA)
    cache = BlockCache()
    assert opened(ranges, cache).read(10) == DATA[:10]
    ranges.data, ranges.version = DATA[::-1], 2
    assert opened(ranges, cache).read(10) == DATA[::-1][:10]


def test_the_cache_is_bounded() -> None:
    ranges = MemoryRanges(bytes(16 * MIB))
    cache = BlockCache(kept_bytes=2 * MIB)
    file = opened(ranges, cache)
    assert len(file.read()) == 16 * MIB
    held = sum(len(entry.block.result()) for entry in cache._entries.values())
    assert held <= 2 * MIB


def test_many_threads_read_the_same_and_other_places() -> None:
    ranges = MemoryRanges(DATA * 3, latency_s=0.001)
    cache = BlockCache(kept_bytes=4 * BLOCK_BYTES)
    wrong: list[object] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            file = opened(ranges, cache)
            for _ in range(40):
                start, size = rng.randrange(len(ranges.data)), rng.randrange(400_000)
                file.seek(start)
                if file.read(size) != ranges.data[start : start + size]:
                    wrong.append((start, size))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_child_process_has_a_cache_of_its_own() -> None:
    ranges = MemoryRanges(DATA * 10)
    file = RangeFile(ranges, ranges.status())
    while file.read(65_536):
        pass
    assert shared_cache()._entries
    child = os.fork()
    if child == 0:
        try:
            fresh = not shared_cache()._entries
            again = RangeFile(ranges, ranges.status())
            right = again.read(3 * MIB) == ranges.data[: 3 * MIB] and again.read() == ranges.data[3 * MIB :]
            os._exit(0 if fresh and right else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


def test_a_request_that_hangs_does_not_keep_the_process_alive() -> None:
    code = """
import threading
from plexcut.media.sources import open_source
from tests.media.ranges import MemoryRanges
ranges = MemoryRanges(bytes(30 << 20))
class Forever:
    def wait(self, _limit):
        if ranges.asked[-1][0] > 1 << 20:
            threading.Event().wait()
ranges.gate = Forever()
file = open_source(ranges)
for _ in range(4):
    file.read(1 << 18)
print("over")
"""
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, "over\n"), done.stderr
