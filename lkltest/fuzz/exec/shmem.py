"""The memory that the fuzzer shares with a worker."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import accumulate

from lkltest.fuzz.exec.protocol import (
    BUCKETS,
    CALLS,
    CONSOLE,
    CONSOLE_SIZE,
    HEAD,
    LISTING,
    LISTING_SIZE,
    MAX_RESULTS,
    NOVEL,
    PROGRAMS,
    PROGRAMS_SIZE,
    RESULTS,
    SHAPE,
    SHAPE_ARGUMENT,
    SIZE,
    STATS,
    Alarm,
    State,
)
from lkltest.fuzz.lang.contract import Shape

ROW = struct.Struct(f"<{BUCKETS}I")  # how often one call ended in each way
NEVER = bytes(ROW.size)


@dataclass(frozen=True)
class Head:
    """The progress of a worker."""

    program: int  # number since boot of the program that runs or ran last
    call: int  # index of its call that runs; BETWEEN outside of calls
    state: State
    calls: int  # made since boot
    succeeded: int
    alarm_program: int
    alarm_call: int
    alarm: Alarm
    alarm_value: int  # the result that alarmed, or the bytes printed before the complaint
    console: int  # bytes printed since boot
    novel: int  # programs noted as the first to see a call's errno, and not interrupted
    interrupted: int  # calls that had to be interrupted
    boot_error: int
    boot_us: int


def fitting(sizes: Iterable[int]) -> int:
    """The number of programs, the first of those with these sizes, that fit into a batch; one at least, if it fits."""
    return sum(end <= PROGRAMS_SIZE or not n for n, end in enumerate(accumulate(sizes)))


class Memory:
    """One block of shared memory, without a name in any file system."""

    def __init__(self, fd: int | None = None) -> None:
        """Make the memory, or attach to that of another process, by its descriptor."""
        self.fd = os.memfd_create("lkltest-fuzz") if fd is None else fd
        os.ftruncate(self.fd, SIZE)
        self.map = mmap.mmap(self.fd, SIZE)

    def close(self) -> None:
        """Free the memory."""
        self.map.close()
        os.close(self.fd)

    def clear(self) -> None:
        """Clear what belongs to the last kernel; the counts of calls go on."""
        self.map[: SHAPE] = bytes(SHAPE)

    def head(self) -> Head:
        """The worker's progress now."""
        values = dict(zip(HEAD.names, HEAD.unpack_from(self.map), strict=True))
        found = {field.name: values[field.name] for field in fields(Head)}
        return Head(**{**found, "state": State(found["state"]), "alarm": Alarm(found["alarm"])})

    def in_buffers(self, address: int) -> bool:
        """Whether an address of the worker lies in a buffer of a call, or in the guard page behind it."""
        bounds: tuple[int, ...] = struct.unpack_from("<4Q", self.map, HEAD.offset("small_start"))
        return bounds[0] <= address < bounds[1] or bounds[2] <= address < bounds[3]

    def progress(self) -> tuple[int, int]:
        """Numbers that change whenever a call returns: program and call."""
        program, call = struct.unpack_from("<QI", self.map)
        return program, call

    def set_shapes(self, shapes: Mapping[int, tuple[Shape, int]]) -> None:
        """Set what calls may return on success, by the number of the call."""
        for number, (shape, argument) in shapes.items():
            self.map[SHAPE + number] = shape
            self.map[SHAPE_ARGUMENT + number] = argument

    def write(self, programs: bytes) -> None:
        """Write encoded programs for the worker; raises ValueError where they are more than `fitting` allows."""
        if len(programs) > PROGRAMS_SIZE:
            raise ValueError(f"a batch of {len(programs):,} bytes, and there is room for {PROGRAMS_SIZE:,}")
        self.map[PROGRAMS : PROGRAMS + len(programs)] = programs

    def results(self, first: int, count: int) -> tuple[int, ...]:
        """The results of calls, by the calls' numbers since boot; the last MAX_RESULTS are kept."""
        return tuple(
            struct.unpack_from("<q", self.map, RESULTS + (first + n) % MAX_RESULTS * 8)[0] for n in range(count)
        )

    def ask_for_listings(self) -> None:
        """Let a booted kernel's programs tell the names in directories that they list; `listed` has them."""
        struct.pack_into("<Q", self.map, HEAD.offset("lists"), 1)

    def listed(self) -> list[bytes]:
        """The absolute paths of the kernel's own files that programs of the last batch listed; `/x/` is a directory."""
        size: int = struct.unpack_from("<I", self.map, HEAD.offset("listed"))[0]
        return self.map[LISTING : LISTING + min(size, LISTING_SIZE)].split(b"\0")[:-1]

    def novel(self, count: int) -> tuple[int, ...]:
        """The low 32 bits of the numbers of the programs that saw something new in the last batch."""
        return struct.unpack_from(f"<{count}I", self.map, NOVEL)

    def console(self, start: int = 0) -> bytes:
        """The kernel's log from byte `start` on; its last CONSOLE_SIZE bytes are kept."""
        end: int = struct.unpack_from("<Q", self.map, HEAD.offset("console"))[0]
        start = max(start, end - CONSOLE_SIZE)
        first, last = start % CONSOLE_SIZE, end % CONSOLE_SIZE
        if first <= last and end - start < CONSOLE_SIZE:
            return self.map[CONSOLE + first : CONSOLE + last]
        return self.map[CONSOLE + first : CONSOLE + CONSOLE_SIZE] + self.map[CONSOLE : CONSOLE + last]

    def counts(self) -> Iterator[tuple[int, int, int]]:
        """Counts of how calls ended: the call's number, the bucket (0 for success, else the errno), the count."""
        for number in range(CALLS):
            at = STATS + number * ROW.size
            if (row := self.map[at : at + ROW.size]) != NEVER:  # most numbers are no call's
                yield from ((number, bucket, count) for bucket, count in enumerate(ROW.unpack(row)) if count)
