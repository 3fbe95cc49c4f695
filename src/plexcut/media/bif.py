"""Reading BIF files: small pictures of a recording at regular times, as a Plex server makes them for its own players.

Roku's format ("BIF file format" in its developer documentation, version 0), all numbers little-endian and of 32 bits:
8 bytes of mark, version, number of pictures, milliseconds for each unit of time (0: 1000), zeros up to byte 64; then
time and file position of each picture, ended by the time 0xffffffff with the position behind the last; then the
pictures themselves, JPEG files one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plexcut.errors import FormatUnsupported

MARK = b"\x89BIF\r\n\x1a\n"
_TABLE_AT = 64
_ENTRY_BYTES = 8
_USUAL_UNIT_MS = 1000
_LONGEST_MS = 7 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Previews:
    """The pictures of a BIF file: `times_ms` rising, and for each where its bytes lie in `data`."""

    data: bytes
    times_ms: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.times_ms)

    @property
    def end_ms(self) -> int:
        """Where the last picture ends: it lasts as long as the others usually do."""
        steps = np.diff(self.times_ms)
        return self.times_ms[-1] + (int(np.median(steps)) if steps.size else _USUAL_UNIT_MS)

    def picture(self, number: int) -> bytes:
        """A picture as a JPEG file; nothing says that it can be decoded."""
        start, end = self.places[number]
        return self.data[start:end]


def parse_bif(data: bytes) -> Previews:
    """The pictures of a BIF file. Entries that cannot be are left out, and so is what the file is too short for.

    Raises:
        FormatUnsupported: it is no BIF file, or there is no picture in it.
    """
    if len(data) < _TABLE_AT or not data.startswith(MARK):
        raise FormatUnsupported("that is no BIF file")
    version, count, unit_ms = (int(n) for n in np.frombuffer(data, "<u4", 3, len(MARK)))
    if version != 0:
        raise FormatUnsupported(f"BIF files of version {version} cannot be read")
    # One more entry than pictures: where one begins the one before it ends.
    entries = min(count + 1, (len(data) - _TABLE_AT) // _ENTRY_BYTES)
    table = np.frombuffer(data, "<u4", 2 * entries, _TABLE_AT).reshape(entries, 2).astype(np.int64)
    times_ms = table[:-1, 0] * (unit_ms or _USUAL_UNIT_MS)
    starts, ends = table[:-1, 1], table[1:, 1]
    first_byte = _TABLE_AT + _ENTRY_BYTES * entries
    usable = (starts >= first_byte) & (ends > starts) & (ends <= len(data)) & (times_ms <= _LONGEST_MS)
    order = np.flatnonzero(usable)
    order = order[np.argsort(times_ms[order], kind="stable")]
    rising = np.diff(times_ms[order], prepend=-1) > 0
    order = order[rising]
    if not order.size:
        raise FormatUnsupported("there is no picture in the BIF file")
    places = tuple((int(starts[at]), int(ends[at])) for at in order)
    return Previews(data, tuple(int(ms) for ms in times_ms[order]), places)
