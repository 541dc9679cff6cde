"""The checksums of file systems: CRC-32C, and CRC-16 of old ext4 descriptors."""

from __future__ import annotations

import sys
from array import array
from functools import cache

CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, reflected
ANSI = 0xA001  # of CRC-16
START = 0xFFFFFFFF


def crc32c(data: bytes | bytearray, crc: int = START) -> int:
    """Continue a CRC-32C over `data`; as in the kernel, neither the first value nor the result is inverted."""
    table = _table(CASTAGNOLI, 16)
    whole = len(data) & ~1
    words = array("H", data[:whole])
    if sys.byteorder == "big":
        words.byteswap()
    for word in words:  # two bytes at a time: a third faster than one
        crc = table[(crc ^ word) & 0xFFFF] ^ crc >> 16
    if whole < len(data):
        crc = _table(CASTAGNOLI, 8)[(crc ^ data[-1]) & 0xFF] ^ crc >> 8
    return crc


def crc16(data: bytes, crc: int = 0xFFFF) -> int:
    """Continue a CRC-16 over `data`."""
    table = _table(ANSI, 8)
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


@cache
def _table(polynomial: int, bits: int) -> array[int]:
    """The remainders of all values of so many bits."""
    if bits == 8:
        return array("I", (_remainder(value, polynomial, 8) for value in range(256)))
    small = _table(polynomial, 8)
    pairs = ((high, small[low]) for high in range(256) for low in range(256))
    return array("I", (small[(after ^ high) & 0xFF] ^ after >> 8 for high, after in pairs))


def _remainder(value: int, polynomial: int, bits: int) -> int:
    for _ in range(bits):
        value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value
