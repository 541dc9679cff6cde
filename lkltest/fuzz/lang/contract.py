"""A call's contract: the values that it may return on success, and the isolation that it needs."""

from __future__ import annotations

import enum

# The needs of a program in its sandbox, as bits.
NEEDS = {
    "task": 1,  # it changes credentials, scheduling or masks: a task of its own
    "mounts": 2,  # it changes mounts: a mount namespace of its own
    "limits": 4,  # it changes the limits of the process: they are put back
    "signals": 8,  # it changes signal handlers, or leaves signals pending: both are put back
    "image": 32,  # it mounts an image, of which the changes stand before its calls
    "grace": 16,  # its descriptors share what RCU frees: a grace period passes after each close
}
UNKNOWN = sum(NEEDS.values()) & ~NEEDS["image"]  # of a call that may do anything; an image is no call's need


class Shape(enum.IntEnum):
    """The values that a call may return on success."""

    ANY = 0
    ZERO = 1
    AT_MOST = 2  # the argument of a given number
    SMALL = 3  # a non-negative int
