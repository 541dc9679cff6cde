"""The writes and flushes that reached a disk, in order, as the C harness recorded them (lkltest/internal/disk.h)."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lkltest.errors import KernelLost
from lkltest.image import sparse
from lkltest.image.recipe import SECTOR

HEAD = struct.Struct("<QQQ")  # kind, position, length
PROMISES = ("durable ", "gone ")  # marks that come when fsync() has returned


@dataclass(frozen=True)
class Write:
    """Bytes that were written to the disk."""

    sector: int
    at: int  # where the bytes are in the recording's file
    length: int


@dataclass(frozen=True)
class Flush:
    """The disk had to make the earlier writes durable."""


@dataclass(frozen=True)
class Mark:
    """A statement of the program at this moment, such as "durable /file 4096 seed"."""

    text: str


Event = Write | Flush | Mark


@dataclass(frozen=True)
class Recording:
    """A disk's image before the kernel had it, and everything that reached it then."""

    base: Path  # the image before
    path: Path  # the recording's own file
    events: tuple[Event, ...]

    @property
    def flushes(self) -> list[int]:
        """The positions of the flushes among the events."""
        return [index for index, event in enumerate(self.events) if isinstance(event, Flush)]

    @property
    def promises(self) -> list[int]:
        """The positions of the marks that say what is durable from then on."""
        marks = ((index, event) for index, event in enumerate(self.events) if isinstance(event, Mark))
        return [index for index, mark in marks if mark.text.startswith(PROMISES)]

    def without(self, index: int) -> Recording:
        """The same recording without one of its events."""
        return replace(self, events=self.events[:index] + self.events[index + 1 :])


@dataclass(frozen=True)
class Cut:
    """A power failure: which events the disk lived to see, and which writes were lost of those not yet flushed."""

    flush: int  # the last flush that was done: position among the events; -1: none
    end: int  # the first event that never happened
    order: tuple[int, ...]  # the unflushed writes that reached the disk all the same, in the order in which they did

    def describe(self, recording: Recording) -> str:
        """The moment of the power failure and the lost writes, in words."""
        flushes = [position for position in recording.flushes if position <= self.flush]
        unflushed = len(unflushed_writes(recording, self.flush, self.end))
        after = f"after flush {len(flushes)} of {len(recording.flushes)}" if flushes else "before the first flush"
        if not unflushed:
            return f"power cut {after}"
        lost = unflushed - len(self.order)
        mixed = ", the others out of order" if list(self.order) != sorted(self.order) else ""
        return f"power cut {after}, {lost} of {unflushed} later writes lost{mixed}"


def load(base: Path, path: Path) -> Recording:
    """Read a recording. Raises KernelLost where it ends in the middle: the program died."""
    events: list[Event] = []
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        while head := file.read(HEAD.size):
            if len(head) < HEAD.size or file.tell() + HEAD.unpack(head)[2] > end:
                raise KernelLost(f"the recording {path} ends in the middle: the program that made it died")
            kind, position, length = HEAD.unpack(head)
            if kind == ord("W"):
                events.append(Write(position, file.tell(), length))
                file.seek(length, os.SEEK_CUR)
            elif kind == ord("F"):
                events.append(Flush())
            else:
                events.append(Mark(file.read(length).decode(errors="surrogateescape")))
    return Recording(base, path, tuple(events))


def unflushed_writes(recording: Recording, flush: int, end: int) -> list[int]:
    """The positions of the writes between a flush and the power's failure."""
    return [index for index in range(flush + 1, end) if isinstance(recording.events[index], Write)]


def choose(recording: Recording, number: int, seed: int = 0) -> Cut:
    """The power cut of this number: always the same one of the same recording.

    Every third loses all that was not flushed, at a moment when the kernel has just promised something, such as the
    return of fsync(): a kernel that had to write for it, and did not, is caught then. Every third keeps all that was
    not flushed, in order; of the others a part is lost, and the rest comes in any order.
    """
    luck = random.Random(f"{seed}-{number}")
    if number % 3 == 2 and recording.promises:
        promise = luck.choice(recording.promises)
        return Cut(max((flush for flush in recording.flushes if flush < promise), default=-1), promise + 1, ())
    flushes = [-1, *recording.flushes]
    which = luck.randrange(len(flushes))
    flush = flushes[which]
    limit = flushes[which + 1] if which + 1 < len(flushes) else len(recording.events)
    end = luck.randint(flush + 1, limit)
    writes = unflushed_writes(recording, flush, end)
    if number % 3 == 0:
        order: Sequence[int] = luck.sample(writes, luck.randint(0, len(writes)))
    else:
        order = writes if number % 3 == 1 else ()
    return Cut(flush, end, tuple(order))


def build(recording: Recording, cut: Cut, target: Path) -> None:
    """Make the image as the power failure left it."""
    sparse.copy(recording.base, target)
    flushed = range(cut.flush + 1)
    with recording.path.open("rb") as source, target.open("r+b") as image:
        for index in (*flushed, *cut.order):
            event = recording.events[index]
            if isinstance(event, Write):
                data = os.pread(source.fileno(), event.length, event.at)
                os.pwrite(image.fileno(), data, event.sector * SECTOR)


def promises(recording: Recording, cut: Cut) -> list[str]:
    """The kernel's promises on each file before the power failed, one line each, for judge.c.

    A mark states what holds of a file from then on, and replaces the earlier mark of the file:
    `durable PATH SIZE SEED`, `either PATH SIZE SEED SIZE SEED`, `prefix PATH SIZE SEED`, `gone PATH`, or
    `any PATH` where all is left open.
    """
    said: dict[str, str] = {}
    for text in _marks(recording, cut):
        kind, path, *_ = text.split(" ")
        said.pop(path, None)
        if kind != "any":
            said[path] = text
    return list(said.values())


def _marks(recording: Recording, cut: Cut) -> Iterator[str]:
    for event in recording.events[: cut.end]:
        if isinstance(event, Mark):
            yield event.text
