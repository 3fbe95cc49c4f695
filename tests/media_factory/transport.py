"""A transport stream written by hand, so that every broadcast oddity can be made on purpose.

Packets of all streams are interleaved by the time they are sent, as a broadcaster's multiplexer does it: a picture
`_VIDEO_DELAY` before its DTS, sound `_OTHER_DELAY` before its PTS. So sound lies behind its picture in the file.
Layouts follow ISO/IEC 13818-1 and ETSI EN 300 468.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.media_factory.spec import PACKET_SIZES_BYTES, ClipSpec, Damage

PACKET_BYTES = 188
CLOCK_MODULO = 1 << 33
PMT_PID = 0x100
VIDEO_PID = 0x101
FIRST_OTHER_PID = 0x102
SDT_PID = 0x11
RADIO_PROGRAMME = 2

_VIDEO_DELAY = 45_000
_OTHER_DELAY = 13_500
_PSI_INTERVAL = 9_000


@dataclass(frozen=True)
class AccessUnit:
    """What goes into one PES packet; times in 90 kHz ticks from frame 0."""

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool = False


@dataclass(frozen=True)
class TsStream:
    """An elementary stream of a programme; `descriptors` is its PMT descriptor loop."""

    pid: int
    stream_type: int
    stream_id: int
    descriptors: bytes
    units: list[AccessUnit] = field(repr=False)
    is_subtitle: bool = False
    programme: int = 1


@dataclass(frozen=True)
class _Slot:
    """A packet with its place in time, before the continuity counter is known."""

    send_time: float
    order: int
    pid: int
    adaptation: bytes | None
    payload: bytes
    unit_start: bool


def write_transport_stream(spec: ClipSpec, streams: list[TsStream]) -> bytes:
    """The whole file as the spec asks for it, damage and cuts included. The first stream carries the PCR."""
    split_time = _split_time(spec, streams[0])
    slots: list[_Slot] = []
    for order, stream in enumerate(streams):
        slots += _stream_slots(spec, stream, order, split_time, is_clock=order == 0)
    slots.sort(key=lambda slot: (slot.send_time, slot.order))
    packets = _number_packets(spec, streams, slots)
    if spec.damage is not None:
        packets = _damage(packets, spec.damage)
    size = PACKET_SIZES_BYTES[spec.container]
    if size == 192:
        packets = [(index * 600 % (1 << 30)).to_bytes(4, "big") + packet for index, packet in enumerate(packets)]
    elif size == 204:
        packets = [packet + b"\xff" * 16 for packet in packets]
    data = b"".join(packets)
    return data[spec.cut_start_bytes : len(data) - spec.cut_end_bytes]


def _split_time(spec: ClipSpec, clock: TsStream) -> int | None:
    """The send time from which on the clock has jumped."""
    if spec.discontinuity is None:
        return None
    at_pts = round(spec.discontinuity.at_frame / spec.fps * 90_000)
    for unit in clock.units:
        if unit.key and unit.pts >= at_pts:
            return unit.dts - _VIDEO_DELAY
    raise ValueError(f"{spec.name}: no keyframe at or after frame {spec.discontinuity.at_frame}")


def _stream_slots(
    spec: ClipSpec, stream: TsStream, order: int, split_time: int | None, *, is_clock: bool
) -> list[_Slot]:
    slots: list[_Slot] = []
    delay = _VIDEO_DELAY if is_clock else _OTHER_DELAY
    jumped = False
    for unit in stream.units:
        send_time = unit.dts - delay
        offset = spec.start_pts_90k
        first_after_jump = False
        if split_time is not None and send_time >= split_time and spec.discontinuity is not None:
            offset += spec.discontinuity.jump_90k
            first_after_jump, jumped = not jumped, True
        adaptation = _adaptation_field(
            discontinuity=first_after_jump,
            random_access=unit.key and spec.random_access_indicator,
            pcr=(send_time + offset) % CLOCK_MODULO if is_clock else None,
        )
        pes = _pes_packet(stream, unit, offset)
        parts = _split_payload(pes, adaptation)
        for index, (part_adaptation, part) in enumerate(parts):
            when = send_time + unit.duration * index / len(parts)
            slots.append(_Slot(when, order, stream.pid, part_adaptation, part, index == 0))
    return slots


def _split_payload(pes: bytes, adaptation: bytes | None) -> list[tuple[bytes | None, bytes]]:
    """Cut a PES packet into packets' payloads; the adaptation field goes into the first, stuffing into the last."""
    parts: list[tuple[bytes | None, bytes]] = []
    position = 0
    while position < len(pes):
        current = adaptation if position == 0 else None
        room = PACKET_BYTES - 4 - (len(current) if current is not None else 0)
        part = pes[position : position + room]
        missing = room - len(part)
        if missing:
            current = _stuffed(current, missing)
        parts.append((current, part))
        position += len(part)
    return parts


def _stuffed(adaptation: bytes | None, missing: int) -> bytes:
    """An adaptation field longer by `missing` bytes."""
    if adaptation is None:
        body = b"" if missing == 1 else b"\x00" + b"\xff" * (missing - 2)
        return bytes([missing - 1]) + body
    return bytes([adaptation[0] + missing]) + adaptation[1:] + b"\xff" * missing


def _adaptation_field(*, discontinuity: bool, random_access: bool, pcr: int | None) -> bytes | None:
    flags = (0x80 if discontinuity else 0) | (0x40 if random_access else 0) | (0x10 if pcr is not None else 0)
    if not flags:
        return None
    body = bytes([flags])
    if pcr is not None:
        body += ((pcr << 15) | (0x3F << 9)).to_bytes(6, "big")
    return bytes([len(body)]) + body


def _pes_packet(stream: TsStream, unit: AccessUnit, offset: int) -> bytes:
    pts, dts = (unit.pts + offset) % CLOCK_MODULO, (unit.dts + offset) % CLOCK_MODULO
    if pts == dts:
        flags, times = 0x80, _timestamp(2, pts)
    else:
        flags, times = 0xC0, _timestamp(3, pts) + _timestamp(1, dts)
    if stream.is_subtitle:
        times = times.ljust(0x24, b"\xff")
    header = bytes([0x84, flags, len(times)]) + times
    length = len(header) + len(unit.data)
    if stream.stream_id >= 0xE0 or length > 0xFFFF:
        length = 0
    return b"\x00\x00\x01" + bytes([stream.stream_id]) + length.to_bytes(2, "big") + header + unit.data


def _timestamp(prefix: int, value: int) -> bytes:
    return bytes(
        [
            prefix << 4 | (value >> 29 & 0x0E) | 1,
            value >> 22 & 0xFF,
            (value >> 14 & 0xFE) | 1,
            value >> 7 & 0xFF,
            (value << 1 & 0xFE) | 1,
        ]
    )


def _number_packets(spec: ClipSpec, streams: list[TsStream], slots: list[_Slot]) -> list[bytes]:
    """Put tables between the packets and count each PID's packets."""
    counters: dict[int, int] = {}
    packets: list[bytes] = []
    elementary_pids = {stream.pid for stream in streams}

    def add(pid: int, adaptation: bytes | None, payload: bytes, unit_start: bool) -> None:
        counter = counters.get(pid, 0)
        counters[pid] = (counter + 1) % 16
        control = 0x10 if adaptation is None else 0x30
        if spec.scrambled and pid in elementary_pids:
            control |= 0x80
            payload = bytes(value ^ 0xA5 for value in payload)
        head = bytes([0x47, (0x40 if unit_start else 0) | pid >> 8, pid & 0xFF, control | counter])
        packets.append(head + (adaptation or b"") + payload)

    change_time = None
    if spec.pmt_change_frame is not None:
        change_time = round(spec.pmt_change_frame / spec.fps * 90_000) - _VIDEO_DELAY
    next_tables = slots[0].send_time
    for slot in slots:
        if slot.send_time >= next_tables:
            changed = change_time is not None and slot.send_time >= change_time
            for pid, section in _tables(spec, streams, changed=changed):
                add(pid, None, (b"\x00" + section).ljust(PACKET_BYTES - 4, b"\xff"), True)
            next_tables += _PSI_INTERVAL
        add(slot.pid, slot.adaptation, slot.payload, slot.unit_start)
    return packets


def _tables(spec: ClipSpec, streams: list[TsStream], *, changed: bool) -> list[tuple[int, bytes]]:
    """PAT, PMTs and SDT; where the PMT is to change, it names the last stream of its programme only then."""
    programmes = [1]
    if spec.radio:
        programmes.insert(0 if spec.radio == "before" else 1, RADIO_PROGRAMME)
    pat = b"".join(_pair(number, 0xE000 | _pmt_pid(number)) for number in programmes)
    tables = [(0x00, _section(0x00, 1, 0, pat))]
    services = b""
    for number in programmes:
        members = [stream for stream in streams if stream.programme == number]
        hide_last = number == 1 and spec.pmt_change_frame is not None and not changed
        body = (0xE000 | members[0].pid).to_bytes(2, "big") + b"\xf0\x00"
        for stream in members[:-1] if hide_last else members:
            body += bytes([stream.stream_type]) + _pair(0xE000 | stream.pid, 0xF000 | len(stream.descriptors))
            body += stream.descriptors
        tables.append((_pmt_pid(number), _section(0x02, number, int(changed), body)))
        name = descriptor(0x48, bytes([number]) + _text("plexcut") + _text(f"Numbers {number}"))
        services += number.to_bytes(2, "big") + b"\xfc" + (0x8000 | len(name)).to_bytes(2, "big") + name
    tables.append((SDT_PID, _section(0x42, 1, 0, (1).to_bytes(2, "big") + b"\xff" + services)))
    return tables


def _pmt_pid(programme: int) -> int:
    return PMT_PID + 0x100 * (programme - 1)


def _pair(first: int, second: int) -> bytes:
    return first.to_bytes(2, "big") + second.to_bytes(2, "big")


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("ascii")


def descriptor(tag: int, body: bytes) -> bytes:
    """A descriptor: tag, length, body."""
    return bytes([tag, len(body)]) + body


def _section(table_id: int, extension: int, version: int, body: bytes) -> bytes:
    head = extension.to_bytes(2, "big") + bytes([0xC1 | version << 1, 0, 0])
    length = len(head) + len(body) + 4
    data = bytes([table_id]) + (0xB000 | length).to_bytes(2, "big") + head + body
    return data + crc32_mpeg(data).to_bytes(4, "big")


def crc32_mpeg(data: bytes) -> int:
    """CRC-32/MPEG-2, as sections carry it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def _damage(packets: list[bytes], damage: Damage) -> list[bytes]:
    """Lose some packets and change one payload byte of others, the same ones for the same seed."""
    chance = random.Random(damage.seed)
    begin, end = int(len(packets) * damage.begin_share), int(len(packets) * damage.end_share)
    hit = chance.sample(range(begin, end), damage.dropped_packets + damage.flipped_packets)
    dropped = set(hit[: damage.dropped_packets])
    damaged = list(packets)
    for index in hit[damage.dropped_packets :]:
        place = chance.randrange(60, PACKET_BYTES)
        packet = bytearray(damaged[index])
        packet[place] ^= 0x55
        damaged[index] = bytes(packet)
    return [packet for index, packet in enumerate(damaged) if index not in dropped]
