"""AAC frames of transport streams without their wrapping, as MP4 and MKV hold them (ISO 14496-3).

A transport stream wraps them in ADTS (1.A.2) or LOAS/LATM (1.7); a file tells once what the wrapping tells with every
frame: the AudioSpecificConfig (1.6.2.1).
"""

from __future__ import annotations

from typing import NamedTuple

from plexcut.media.bitstream.bits import BitReader

_ADTS_HEADER, _CRC, _LOAS_HEADER = 7, 2, 3
_ESCAPE_TYPE, _ESCAPE_RATE = 31, 15
_SBR = (5, 29)
_GENERAL = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
_MAX_CONFIG_BYTES = 64


class BareFrame(NamedTuple):
    """`config` is the AudioSpecificConfig that holds for the frame."""

    config: bytes
    data: bytes


def from_adts(frame: bytes) -> BareFrame | None:
    """An ADTS frame without its header; None for several in one, and for channels that the frame itself describes."""
    if len(frame) < _ADTS_HEADER or frame[6] & 3:
        return None
    profile, rate = frame[2] >> 6, frame[2] >> 2 & 15
    channels = (frame[2] & 1) << 2 | frame[3] >> 6
    if not channels:
        return None
    config = ((profile + 1) << 11 | rate << 7 | channels << 3).to_bytes(2, "big")
    start = _ADTS_HEADER if frame[1] & 1 else _ADTS_HEADER + _CRC
    return BareFrame(config, frame[start:])


class LatmReader:
    """Takes frames out of LOAS; most of them count on a configuration that an earlier one brought."""

    def __init__(self) -> None:
        self._mux: _Mux | None = None

    def prime(self, frame: bytes) -> None:
        """Take up the configuration of a frame that comes later, if none is known yet."""
        if self._mux is None:
            self._read_mux(BitReader(frame[_LOAS_HEADER:]))

    def read(self, frame: bytes) -> BareFrame | None:
        """None where no configuration is known, or one that broadcasts do not use."""
        reader = BitReader(frame[_LOAS_HEADER:])
        self._read_mux(reader)
        if self._mux is None:
            return None
        size = 0
        while (part := reader.u(8)) == 0xFF and not reader.overrun:
            size += part
        size += part
        value = reader.u(8 * size)
        return None if reader.overrun else BareFrame(self._mux.config, value.to_bytes(size, "big"))

    def _read_mux(self, reader: BitReader) -> None:
        if not reader.flag():
            self._mux = _stream_mux(reader)


class _Mux(NamedTuple):
    config: bytes


def _stream_mux(reader: BitReader) -> _Mux | None:
    """A StreamMuxConfig (1.7.3.1) of one programme with one layer, one frame at a time; None for others."""
    version = reader.u(1)
    if version:
        if reader.flag():
            return None
        _value(reader)
    same_timing, subframes, programmes, layers = reader.flag(), reader.u(6), reader.u(4), reader.u(3)
    if not same_timing or subframes or programmes or layers:
        return None
    bits = _value(reader) if version else None
    start = reader.pos
    if not _skip_config(reader):
        return None
    used = reader.pos - start
    if bits is not None and (bits < used or bits > 8 * _MAX_CONFIG_BYTES):
        return None
    length = used if bits is None else bits
    reader.pos = start
    config = (reader.u(length) << -length % 8).to_bytes(-(-length // 8), "big")
    if reader.u(3):
        return None
    reader.u(8)
    if reader.flag():
        if version:
            _value(reader)
        else:
            while reader.flag() and not reader.overrun:
                reader.u(8)
            reader.u(8)
    if reader.flag():
        reader.u(8)
    return None if reader.overrun else _Mux(config)


def _value(reader: BitReader) -> int:
    """LatmGetValue."""
    return reader.u(8 * (reader.u(2) + 1))


def _skip_config(reader: BitReader) -> bool:
    """Read over an AudioSpecificConfig; whether it is one of the usual kinds."""
    kind = _object_type(reader)
    _skip_rate(reader)
    channels = reader.u(4)
    if kind in _SBR:
        _skip_rate(reader)
        kind = _object_type(reader)
    if kind not in _GENERAL or not channels:
        return False
    reader.u(1)
    if reader.flag():
        reader.u(14)
    extended = reader.flag()
    if kind in (6, 20):
        reader.u(3)
    if extended:
        reader.u(16 if kind == 22 else 3 if kind in (17, 19, 20, 23) else 0)
        reader.u(1)
    return not reader.overrun


def _object_type(reader: BitReader) -> int:
    kind = reader.u(5)
    return 32 + reader.u(6) if kind == _ESCAPE_TYPE else kind


def _skip_rate(reader: BitReader) -> None:
    if reader.u(4) == _ESCAPE_RATE:
        reader.u(24)


def adts_of(config: bytes, data: bytes) -> bytes:
    """A frame in ADTS, by what its configuration says of the core coder."""
    reader = BitReader(config)
    kind, rate = reader.u(5), reader.u(4)
    channels = reader.u(4)
    if kind in _SBR:
        _skip_rate(reader)
        kind = reader.u(5)
    length = _ADTS_HEADER + len(data)
    bits = 0xFFF1 << 40 | (kind - 1 & 3) << 38 | rate << 34 | (channels & 7) << 30 | length << 13 | 0x7FF << 2
    return bits.to_bytes(_ADTS_HEADER, "big") + data
