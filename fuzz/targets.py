"""What is fuzzed: functions that take any bytes, and raise only where plexcut does not keep its word.

They need no fuzzer: the tests run them over the seeds and over what was once found.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from contextlib import suppress
from unittest.mock import patch

import numpy as np

from fuzz import containers, seams
from plexcut.domain.media import SourceStatus
from plexcut.errors import PlexcutError
from plexcut.media.bitstream import bits, h264, hevc, mpeg2
from plexcut.media.bitstream.pictures import ASSEMBLERS
from plexcut.media.index.build import build_index
from plexcut.media.index.container import nal_length_size, parameter_nals
from plexcut.media.index.packets import PACKET, PacketReader, Packets, PayloadReader, find_layout, parse_pes_header
from plexcut.media.index.psi import SectionReader, parse_pat, parse_pmt, split_descriptors
from plexcut.media.window import clock_line, transport
from plexcut.media.window.windows import Windows

_numbers = itertools.count()


class Memory:
    """A recording in memory, another one each time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.name = "fuzz"
        self.key = f"fuzz/{next(_numbers)}"

    def status(self) -> SourceStatus:
        return SourceStatus(len(self.data), 1)

    def read(self, start: int, size: int) -> bytes:
        return self.data[start : start + size]


def packets(data: bytes) -> None:
    """Packets are found, and their payloads taken apart: the same ones in blocks of any size."""
    count, data = (data[0] % 7 + 1 if data else 1), data[1:]
    layout = find_layout(data)
    if layout is None:
        return
    reader = PacketReader(io.BytesIO(data), layout, len(data))
    whole = list(reader.blocks())
    at = np.concatenate([block.at for block in whole]) if whole else np.empty(0, np.int64)
    assert bool((np.diff(at) > 0).all()), "packets out of order"
    few = [block.at for block in reader.blocks(count=count)]
    assert np.array_equal(at, np.concatenate(few) if few else np.empty(0, np.int64)), "blocks of another size differ"
    for pid in {int(p) for block in whole for p in np.unique(block.pid)}:
        payload = PayloadReader()
        for block in whole:
            taken = payload.take(block.where(block.pid == pid))
            assert taken.starts.size == taken.at.size
            assert all(0 <= p.es <= taken.es.size for p in taken.pes)


def sections(data: bytes) -> None:
    """Sections are put together from packets, and tables read from them."""
    rows = np.frombuffer(data[: len(data) // PACKET * PACKET], np.uint8).reshape(-1, PACKET)
    found = SectionReader().feed(Packets(rows, PACKET * np.arange(len(rows), dtype=np.int64)))
    for section in [*found, data]:
        parse_pat(section)
        program = parse_pmt(section, 0x100)
        assert program is None or all(0 <= s.pid < 1 << 13 for s in program.streams)
    split_descriptors(data)


def pes(data: bytes) -> None:
    """A PES header says where it ends and what its clocks are."""
    head = parse_pes_header(data)
    if head is not None:
        assert head[0] >= 6
        assert all(clock is None or 0 <= clock < 1 << 33 for clock in head[1:])


def pictures(data: bytes) -> None:
    """Units of any kind in any order become pictures."""
    codec = sorted(ASSEMBLERS)[data[0] % len(ASSEMBLERS)] if data else "h264"
    stream = np.frombuffer(data[1:], np.uint8)
    assembler = ASSEMBLERS[codec]()
    codes = bits.start_codes(stream)
    codes = codes[codes < stream.size - 4]
    chosen = assembler.relevant(np.stack((stream[codes + 3], stream[codes + 4]), axis=1))
    ends = np.append(codes[1:], stream.size)
    for at, end in zip(codes[chosen].tolist(), ends[chosen].tolist(), strict=True):
        if end - at >= 5:
            assembler.unit(at, stream[at + 3 : end].tobytes(), new_pes=at % 3 == 0)
            assert 0 <= assembler.pending(at) <= max(at, int(stream.size))
    assembler.end()
    starts = [picture.start for picture in assembler.pictures]
    assert starts == sorted(starts), "pictures out of order"


def parameters(data: bytes) -> None:
    """Parameter sets, slice headers, messages, and the records that MP4 and Matroska keep them in."""
    units = bits.annexb_nals(data) or [data]
    h264_sets, hevc_sets = h264.ParameterSets(), hevc.ParameterSets()
    for unit in units:
        if len(unit) < 2:
            continue
        h264.parse_sps(unit)
        h264.parse_pps(unit)
        h264.recovery_frames(unit)
        h264_sets.add(unit)
        h264_sets.slice_header(unit)
        hevc_sets.add(unit)
        hevc_sets.slice_head(unit)
        mpeg2.picture_head(unit)
        mpeg2.coding_extension(unit)
        mpeg2.group_is_closed(unit)
    for codec in ("h264", "hevc"):
        size = nal_length_size(codec, data)
        assert 0 <= size <= 4
        assert all(parameter_nals(codec, data))
        bits.sized_nals(data, size or 4)
    assert bits.unescape(bits.escape(data)) == data or b"\x00\x00\x03" in data


def index(data: bytes) -> None:
    """A whole recording: an index that holds together and a picture before it is there, or an error of ours."""
    source = Memory(data)
    windows = Windows()
    # So little of a head that the clock behind it is sampled.
    with patch.object(transport, "_HEAD_BYTES", 8_000), patch.object(clock_line, "_DENSE_S", 0.01):
        for time_us in (0, 700_000):
            windows.around(source, ("fuzz", None), time_us, lambda: False)
    with suppress(PlexcutError):
        found = build_index(source, None, lambda _: None)
        rows = found.pts.size
        assert found.frames > 0
        assert bool((np.diff(found.times_us) >= 0).all())
        assert 0 <= int(found.display.min()) <= int(found.display.max()) < rows
        assert np.unique(found.display).size == found.frames
        assert all(column.size == rows for column in (found.dts, found.at, found.skip, found.size, found.flags))
        found.facts()


TARGETS: dict[str, Callable[[bytes], None]] = {
    "packets": packets,
    "sections": sections,
    "pes": pes,
    "pictures": pictures,
    "parameters": parameters,
    "index": index,
    "audio": seams.audio,
    "slices": seams.slices,
    "messages": seams.messages,
    "subtitles": seams.subtitles,
    "bare": containers.bare,
    "captions": containers.captions,
}
