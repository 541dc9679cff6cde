"""The kinds of resources: results of calls that later calls use."""

from __future__ import annotations

# Descriptors have the numbers below DESCRIPTORS: the executor closes them after a program.
DESCRIPTORS = 40
NUMBERS = {
    name: number
    for number, name in enumerate(
        ("file", "dir", "proc", "device", "pipe_r", "pipe_w", "tcp", "udp", "raw", "netlink", "epoll", "eventfd", "tty",
         "same")
    )
} | {"timer": 40, "address": 41}
# Words for several kinds. "same" is a duplicated descriptor, of any kind.
GROUPS = {
    "fd": tuple(name for name, number in NUMBERS.items() if number < DESCRIPTORS),
    "sock": ("tcp", "udp", "raw", "netlink"),
}


def mask(names: tuple[str, ...]) -> int:
    """A bit for each kind; descriptors may always be duplicates. Raises KeyError for an unknown name."""
    bits = 0
    for name in names or ("fd",):
        for kind in GROUPS.get(name, (name,)):
            bits |= 1 << NUMBERS[kind]
    return bits | (1 << NUMBERS["same"] if bits & ((1 << DESCRIPTORS) - 1) else 0)
