"""The checksums of file systems: CRC-32C, and CRC-16 of old ext4 descriptors."""

from __future__ import annotations

import re
import sys
from array import array
from functools import cache

CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, reflected
ANSI = 0xA001  # of CRC-16
START = 0xFFFFFFFF
ZEROES = re.compile(rb"\0{64,}")  # shorter runs are as fast byte for byte


def crc32c(data: bytes | bytearray, crc: int = START) -> int:
    """Continue a CRC-32C over `data`; as in the kernel, neither the first value nor the result is inverted."""
    at = 0
    for zeroes in ZEROES.finditer(data):  # most of a block's bytes
        crc = _dense(data[at : zeroes.start()], crc)
        count = zeroes.end() - zeroes.start()
        for power in range(count.bit_length()):
            if count >> power & 1:
                crc = _skip(crc, power)
        at = zeroes.end()
    return _dense(data[at:], crc)


def _dense(data: bytes | bytearray, crc: int) -> int:
    """Continue a CRC-32C byte for byte."""
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


def _skip(crc: int, power: int) -> int:
    """Continue a CRC-32C over 2 to the `power` zeroes: it is linear, so that each of its bytes adds its own part."""
    low, second, third, high = _after_zeroes(power)
    return low[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ high[crc >> 24]


@cache
def _after_zeroes(power: int) -> tuple[array[int], ...]:
    """For each byte of a CRC-32C and each of its values: what is left of it after 2 to the `power` zeroes."""
    small = _table(CASTAGNOLI, 8)

    def after(crc: int) -> int:
        if not power:
            return small[crc & 0xFF] ^ crc >> 8
        return _skip(_skip(crc, power - 1), power - 1)

    return tuple(array("I", (after(value << shift) for value in range(256))) for shift in (0, 8, 16, 24))


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
