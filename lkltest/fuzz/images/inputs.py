"""Inputs: an image's changes, and the program that mounts and uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lkltest.fuzz.gen.generator import Candidate, EncodedCall
from lkltest.fuzz.images.mounts import mount
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.lang.contract import NEEDS
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.encode import changes as encode_changes
from lkltest.fuzz.prog.encode import join
from lkltest.fuzz.prog.resolve import resolve
from lkltest.fuzz.prog.values import Program

Changes = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True)
class Input:
    """The changes of an image, and a program whose first call mounts it."""

    changes: Changes
    program: Program

    def encode(self, description: Description) -> bytes:
        """Encode it for the executor. The mount needs no namespace of its own: the executor undoes it."""
        needs = description.needs(Program(self.program.calls[1:])) & ~NEEDS["mounts"]
        calls = [description.encoder.call(call) for call in self.program.calls]
        return join(calls, needs | NEEDS["image"], encode_changes(self.changes))

    @property
    def names(self) -> list[str]:
        """The names of the calls."""
        return [call.name for call in self.program.calls]


@dataclass(frozen=True)
class Made:
    """An input as it is made for a worker: its calls are encoded, and their references not yet resolved."""

    changes: Changes
    head: tuple[EncodedCall, ...]  # calls that mount the image
    candidate: Candidate  # the rest of the program

    @property
    def calls(self) -> tuple[EncodedCall, ...]:
        """All calls."""
        return (*self.head, *self.candidate.calls)

    def encode(self) -> bytes:
        """Encode it for the executor."""
        needs = 0
        for call in self.candidate.calls:
            needs |= call.needs
        codes = [call.code for call in self.calls]
        return join(codes, needs & ~NEEDS["mounts"] | NEEDS["image"], encode_changes(self.changes))

    def input(self, returned: Sequence[int] = ()) -> Input:
        """The input as values; references are resolved as they were when its calls returned `returned`."""
        return Input(self.changes, resolve([one.call for one in self.calls], returned))


def untouched(target: Target) -> Input:
    """The unchanged image, mounted."""
    return Input((), resolve(mount(target)))
