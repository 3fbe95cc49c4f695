"""Bits, one after the other, as NAL units of H.264 hold them (ISO 14496-10, 7.2)."""

from __future__ import annotations

import re


class Bits:
    """What was written so far."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._value = self._count = 0

    def u(self, bits: int, value: int) -> None:
        self._value, self._count = self._value << bits | value & (1 << bits) - 1, self._count + bits
        while self._count >= 8:
            self._count -= 8
            self._bytes.append(self._value >> self._count & 255)
        self._value &= (1 << self._count) - 1

    def ue(self, value: int) -> None:
        bits = (value + 1).bit_length()
        self.u(2 * bits - 1, value + 1)

    def se(self, value: int) -> None:
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def raw(self, data: bytes) -> None:
        """Bytes at the next whole byte."""
        if self._count:
            self.u(8 - self._count, 0)
        self._bytes += data

    def nal(self, head: int) -> bytes:
        self.u(1, 1)
        self.raw(b"")
        # A zero would be one too many in front of these.
        body = re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", bytes(self._bytes))
        return b"\x00\x00\x00\x01" + bytes([head]) + body
