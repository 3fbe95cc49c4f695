"""Coded audio frames in shapes of broadcasts that encoders do not write: LATM in LOAS, E-AC-3 of two substreams."""

from __future__ import annotations

from tests.media_factory.spec import AudioSpec

_RATES = {96_000: 0, 48_000: 3, 44_100: 4, 32_000: 5, 24_000: 6}
_CONFIG_EVERY = 4
_CRC = 0x8005


def loas_frame(audio: AudioSpec, payload: bytes, number: int) -> bytes:
    """An AAC frame in LOAS (ISO 14496-3, 1.7); every fourth brings the configuration, the others point back to it."""
    bits = "1"
    if number % _CONFIG_EVERY == 0:
        # One programme, one layer, AAC LC, frames of any length, no other data.
        specific = f"{2:05b}{_RATES[audio.rate]:04b}{audio.channels:04b}000"
        bits = "0" + "0" + "1" + f"{0:06b}{0:04b}{0:03b}" + specific + "000" + "1" * 8 + "00"
    bits += "1" * 8 * (len(payload) // 255) + f"{len(payload) % 255:08b}"
    bits += "".join(f"{byte:08b}" for byte in payload)
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return bytes([0x56, 0xE0 | len(body) >> 8, len(body) & 0xFF]) + body


def with_dependent(frame: bytes) -> bytes:
    """An E-AC-3 frame and behind it the same sound as a dependent substream (ETSI TS 102 366, E.1.3)."""
    bits = "".join(f"{byte:08b}" for byte in frame[:-2])
    # Behind bsid and dialnorm: compr, and here whether the channels are listed (they are not).
    head = 16 + 2 + 3 + 11 + 2 + 2 + 3 + 1 + 5 + 5
    head += 9 if bits[head] == "1" else 1
    words = len(frame) // 2
    start = f"{0x0B77:016b}{1:02b}{0:03b}{words:011b}" + bits[32:head] + "0" + bits[head:] + "0" * 15
    data = int(start, 2).to_bytes(len(start) // 8, "big")
    return frame + data + _crc(data[2:]).to_bytes(2, "big")


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (_CRC if value & 0x8000 else 0)) & 0xFFFF
    return value
