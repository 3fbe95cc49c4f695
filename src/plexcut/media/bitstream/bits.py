"""Bits of NAL units and headers: reading, writing, emulation prevention, start codes."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

Bytes = bytes
_ESCAPED = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class BitReader:
    """Reads bits from the front of `data`. Past the end it reads zeros and `overrun` becomes true.

    `pos` is the number of bits read.
    """

    __slots__ = ("_bits", "_total", "pos")

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "big")
        self._total = 8 * len(data)
        self.pos = 0

    @property
    def overrun(self) -> bool:
        return self.pos > self._total

    def u(self, n: int) -> int:
        """`n` bits, unsigned."""
        shift = self._total - self.pos - n
        self.pos += n
        value = self._bits >> shift if shift >= 0 else self._bits << -shift
        return value & ((1 << n) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        """Exp-Golomb, unsigned (ISO 14496-10, 9.1)."""
        zeros = 0
        while self.u(1) == 0:
            zeros += 1
            if zeros > 32:
                return 0
        return (1 << zeros) - 1 + (self.u(zeros) if zeros else 0)

    def se(self) -> int:
        """Exp-Golomb, signed."""
        k = self.ue()
        return (k + 1) // 2 if k % 2 else -(k // 2)


class BitWriter:
    """Collects bits; `rbsp` closes with the stop bit."""

    __slots__ = ("_bits", "_count")

    def __init__(self) -> None:
        self._bits = 0
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def u(self, n: int, value: int) -> None:
        self._bits = (self._bits << n) | (value & ((1 << n) - 1))
        self._count += n

    def ue(self, value: int) -> None:
        length = (value + 1).bit_length()
        self.u(2 * length - 1, value + 1)

    def se(self, value: int) -> None:
        """Exp-Golomb, signed."""
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def copy(self, data: Bytes, start: int, end: int) -> None:
        """Bits `[start, end)` of `data`; behind its end they are zeros, as for whoever reads it."""
        if end > start:
            behind = end - 8 * len(data)
            bits = int.from_bytes(data, "big")
            self.u(end - start, bits << behind if behind > 0 else bits >> -behind)

    def align(self, bit: int) -> None:
        """Fill up to a whole byte with `bit`."""
        while self._count % 8:
            self.u(1, bit)

    def bytes(self) -> Bytes:
        """What was written; a whole number of bytes."""
        return self._bits.to_bytes(self._count // 8, "big")

    def rbsp(self) -> Bytes:
        """With the stop bit and zeros up to a whole byte."""
        self.u(1, 1)
        self.align(0)
        return self.bytes()


def unescape(nal: bytes) -> bytes:
    """Without emulation prevention bytes."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


def escape(rbsp: bytes) -> bytes:
    """With emulation prevention bytes."""
    return _ESCAPED.sub(b"\x00\x00\x03", rbsp)


def start_codes(es: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Offsets of every `00 00 01` in `es`, of the first zero."""
    if es.size < 4:
        return np.empty(0, np.int64)
    at = np.flatnonzero(es[2:] == 1)
    found: npt.NDArray[np.int64] = at[(es[at] == 0) & (es[at + 1] == 0)]
    return found


def annexb_nals(data: bytes) -> list[bytes]:
    """NAL units of a byte stream, without start codes and trailing zeros."""
    at = start_codes(np.frombuffer(data, np.uint8)).tolist()
    if not at:
        return []
    return [data[a + 3 : b].rstrip(b"\x00") for a, b in zip(at, [*at[1:], len(data)], strict=True)]


def sized_nals(data: bytes, length_size: int) -> list[bytes]:
    """NAL units of an MP4/MKV sample, each behind its length of `length_size` bytes; stops at damage."""
    nals: list[bytes] = []
    at = 0
    while at + length_size <= len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if size == 0 or at + size > len(data):
            break
        nals.append(data[at : at + size])
        at += size
    return nals


def to_annexb(nals: list[bytes]) -> bytes:
    """A byte stream with four-byte start codes."""
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)


def to_sized(nals: list[bytes], length_size: int) -> bytes:
    """An MP4/MKV sample."""
    return b"".join(len(nal).to_bytes(length_size, "big") + nal for nal in nals)
