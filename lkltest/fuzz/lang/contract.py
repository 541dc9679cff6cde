"""A call's contract: the values that it may return on success, and the isolation that it needs."""

from __future__ import annotations

import enum

NEEDS = {"task": 1, "mounts": 2, "limits": 4, "signals": 8, "grace": 16}  # bits of exec/native/sandbox.h


class Shape(enum.IntEnum):
    """What a call's success may be."""

    ANY = 0
    ZERO = 1
    AT_MOST = 2  # the argument of a given number
    SMALL = 3  # a non-negative int
