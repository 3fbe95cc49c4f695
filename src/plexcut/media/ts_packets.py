"""Transport packets of one PID: PES packets laid out in them, and their continuity (ISO 13818-1, 2.4.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plexcut.media.ts_tables import PACKET_BYTES, PACKET_PAYLOAD_BYTES

U32 = npt.NDArray[np.uint32]
Payloads = npt.NDArray[np.void]
Bytes = bytes | memoryview

CLOCK_MASK = (1 << 33) - 1
PCR_FLAG = 0x10
_COUNTED = 1024
"""Packets whose heads are at hand in one piece."""


def pcr_field(ticks: int) -> bytes:
    """The six bytes of a PCR at a moment given in 90 kHz ticks: 33 bits base, 6 reserved, 9 bits extension (0)."""
    return ((ticks & CLOCK_MASK) << 15 | 0x7E00).to_bytes(6, "big")


def adaptation(size: int, body: bytes) -> bytes:
    """An adaptation field of `size` bytes in all (0: none), with its flags and fields in `body`, stuffed."""
    if size < 2:
        return b"\x00" * size
    return (bytes([size - 1]) + (body or b"\x00")).ljust(size, b"\xff")


PAYLOAD = np.dtype((np.void, PACKET_PAYLOAD_BYTES))
"""What a packet holds behind its head: arrays of it are copied several times faster than rows of bytes."""

Room = tuple[U32, Payloads, memoryview]
"""Packets to be filled in: the head and what is behind it of each, and all bytes in one line."""


def empty_packets(count: int) -> Room:
    """So many packets with nothing in them yet."""
    data = np.empty(count * PACKET_BYTES, np.uint8)
    heads = np.ndarray((count,), "<u4", data, 0, (PACKET_BYTES,))
    payloads = np.ndarray((count,), PAYLOAD, data, PACKET_BYTES - PACKET_PAYLOAD_BYTES, (PACKET_BYTES,))
    return heads, payloads, data.data


class PidPackets:
    """The continuity of one PID."""

    def __init__(self, pid: int) -> None:
        self.next_counter = 0
        self._start = bytes([0x47, pid >> 8, pid & 0xFF])
        self._heads = {
            (adapted, first): [
                bytes([0x47, 0x40 * first | pid >> 8, pid & 0xFF, 0x20 * adapted | 0x10 | n]) for n in range(16)
            ]
            for adapted in (False, True)
            for first in (False, True)
        }
        plain = np.frombuffer(b"".join(self._heads[False, False]), "<u4")
        self._counted = np.tile(plain, _COUNTED // 16 + 1)

    def count(self, size: int, fields: bytes) -> int:
        """How many transport packets a PES packet of `size` bytes takes."""
        return max(1, -(-(size + (len(fields) + 1 if fields else 0)) // PACKET_PAYLOAD_BYTES))

    def pack(self, room: Room, pieces: tuple[bytes, Bytes], fields: bytes) -> None:
        """One PES packet, header and payload, as the transport packets of `room`, which it fills.

        `fields` go into the adaptation field of the first one.
        """
        header, payload = pieces
        heads, payloads, flat = room
        count, counter = len(heads), self.next_counter
        self.next_counter = (counter + count) & 15
        size = len(header) + len(payload)
        if count == 1:
            field = adaptation(PACKET_PAYLOAD_BYTES - size, fields)
            flat[:] = b"".join((self._heads[bool(field), True][counter], field, header, payload))
            return
        field = adaptation(len(fields) + 1, fields) if fields else b""
        at = PACKET_PAYLOAD_BYTES - len(field) - len(header)
        if at < 0:
            # Only a header with half a packet of extensions is as long.
            header, payload, at = header[:at], header[at:] + bytes(payload), 0
        flat[:PACKET_BYTES] = b"".join((self._heads[bool(field), True][counter], field, header, payload[:at]))
        middle = (count - 2) * PACKET_PAYLOAD_BYTES
        if middle:
            first = (counter + 1) & 15
            heads[1:-1] = (
                self._counted[first : first + count - 2]
                if count <= _COUNTED
                else self._counted[(np.arange(count - 2) + first) & 15]
            )
            payloads[1:-1] = np.frombuffer(payload, PAYLOAD, count - 2, at)
        rest = payload[at + middle :]
        field = adaptation(PACKET_PAYLOAD_BYTES - len(rest), b"")
        head = self._heads[bool(field), False][(counter + count - 1) & 15]
        flat[(count - 1) * PACKET_BYTES :] = b"".join((head, field, rest))

    def pcr_packet(self, ticks: int) -> bytes:
        """A packet that holds a PCR and no payload: its counter is the last one again."""
        head = self._start + bytes([0x20 | (self.next_counter - 1) & 15])
        return head + adaptation(PACKET_PAYLOAD_BYTES, bytes([PCR_FLAG]) + pcr_field(ticks))

    def renumbered(self, pid: int, packets: bytes) -> bytes:
        """Foreign packets with this PID and its counters; one that was sent twice goes out once."""
        if len(packets) == PACKET_BYTES and packets[0] == 0x47 and packets[3] & 0x10:
            counter = self.next_counter
            self.next_counter = (counter + 1) & 15
            return bytes((0x47, packets[1] & 0xE0 | pid >> 8, pid & 0xFF, packets[3] & 0xF0 | counter)) + packets[4:]
        count, rest = divmod(len(packets), PACKET_BYTES)
        if rest or packets[::PACKET_BYTES] != b"\x47" * count:
            raise ValueError("not whole transport packets")
        out: list[bytes] = []
        previous = b""
        for at in range(0, len(packets), PACKET_BYTES):
            packet = packets[at : at + PACKET_BYTES]
            has_payload = packet[3] & 0x10
            if has_payload and packet == previous:
                continue
            previous = packet
            counter = self.next_counter if has_payload else (self.next_counter - 1) & 15
            out.append(bytes([0x47, packet[1] & 0xE0 | pid >> 8, pid & 0xFF, packet[3] & 0xF0 | counter]) + packet[4:])
            self.next_counter = (self.next_counter + bool(has_payload)) & 15
        return b"".join(out)
