"""Inputs: an image's changes, and the program that mounts and uses it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.lang.contract import NEEDS
from lkltest.fuzz.lang.describe import Description, read_annotations
from lkltest.fuzz.prog.encode import changes as encode_changes
from lkltest.fuzz.prog.encode import join
from lkltest.fuzz.prog.resolve import resolve
from lkltest.fuzz.prog.values import Array, Call, Fill, Pointer, Program, Raw, Text, Value
from lkltest.image import tree
from lkltest.image.metadata import mutate

DEVICE, PLACE = b"/dev/disk", b"/disk"  # of the executor's image.h
KNOWN = [name.encode() for name in ("packed", "packed/deep", "packed/deep/er", ".", *tree.PACKED, tree.SYMLINK[0])]
SCENARIOS = ("files", "xattrs")
LEFT_OUT = ("chroot", "mount", "umount", "pivot_root", "name_to_handle_at", "open_by_handle_at", "mmap_pgoff", "munmap")
OPENING = ("openat_dir", "getdents64", "openat", "pread64", "newfstatat", "readlinkat", "statfs")
LENGTHS = (1, 2, 3, 4, 6, 8, 10, 14)
POOL = 300  # calls that are drawn once, and used often
RENEW = 4  # of them that are drawn anew for each input
CORPUS = 400  # inputs that are kept for mutation, because they reached something new
PAGE = 4096  # bytes
AVOIDED_CHANCE = 0.05  # that a place is changed although it is known to lose the kernel
WRONG_CHANCE = 0.06  # that checksums are left wrong: the kernel has code for that, too
MOST_CHANGES = 64  # runs of bytes of an input that is mutated further

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


def mount(target: Target) -> tuple[Call, Call]:
    """The calls that mount the image, and go there."""
    text = target.options.encode()
    options = Pointer(Array((Raw(text), Fill(PAGE - len(text), 0))))  # the kernel copies a whole page
    mounting = Call("mount", (Text(DEVICE), Text(PLACE), Text(target.type.encode()), 0, options))
    return mounting, Call("chdir", (Text(PLACE),))


class Maker:
    """Makes inputs for one target, the same for the same seed and the same feedback."""

    def __init__(self, target: Target, seed: str) -> None:
        self.target = target
        self.rng = random.Random(seed)
        self.source = Random(f"{seed}/calls")
        self.corpus: list[Input] = []
        self.avoided: frozenset[int] = frozenset()  # offsets of which a change is known to lose the kernel
        description = target.description
        scenarios = read_annotations()["scenarios"]
        found = [key for name in SCENARIOS for key in description.keys(scenarios[name]["body"])]
        self.keys = [key for key in found if description.variants[key].signature.name not in LEFT_OUT]
        self.pool = [self._draw(self.rng.choice(self.keys)) for _ in range(POOL)]
        self.opening = {key: [self._draw(key) for _ in range(12)] for key in OPENING}

    def make(self) -> Input:
        """An input: an earlier one mutated further, or a fresh one."""
        old = self.rng.choice(self.corpus) if self.corpus and self.rng.random() < 0.6 else None
        changes = old.changes if old is not None and len(old.changes) <= MOST_CHANGES else ()
        if old is None or self.rng.random() < 0.8:
            changes = self.mutated(changes)
        program = old.program if old is not None and self.rng.random() < 0.5 else self.program()
        return Input(changes, program)

    def mutated(self, changes: Changes) -> Changes:
        """An image mutated further, most often with right checksums."""
        while True:
            image = self.target.overlay(changes)
            mutate(self.target.metadata, image, self.rng)
            if self.rng.random() >= WRONG_CHANCE:
                self.target.metadata.repair(image)
            found = tuple(image.changes())
            fatal = any(offset + n in self.avoided for offset, data in found for n in range(len(data)))
            if not fatal or self.rng.random() < AVOIDED_CHANCE:
                return found

    def keep(self, made: Input) -> None:
        """Keep an input that reached something new."""
        if len(self.corpus) < CORPUS:
            self.corpus.append(made)
        else:
            self.corpus[self.rng.randrange(CORPUS)] = made

    def program(self) -> Program:
        """A program that mounts the image, looks around, and does some more."""
        for _ in range(RENEW):
            self.pool[self.rng.randrange(POOL)] = self._draw(self.rng.choice(self.keys))
        opening = [self.rng.choice(self.opening[key]) for key in OPENING if self.rng.random() < 0.75]
        body = self.rng.choices(self.pool, k=self.rng.choice(LENGTHS))
        return resolve([*mount(self.target), *opening, *body])

    def _draw(self, key: str) -> Call:
        """A call of which most paths are those of files on the image."""
        for _ in range(20):
            call = self.target.description.draw(key, self.source)
            names = [argument.name for argument in self.target.description.headers.calls[call.name].arguments]
            call = replace(call, args=tuple(map(self._path, call.args, names)))
            try:
                self.target.description.encoder.call(call)
                return call
            except (ValueError, KeyError):
                continue
        raise ValueError(f"no call of {key} can be encoded")

    def _path(self, value: Value, name: str) -> Value:
        if isinstance(value, Text) and name != "name" and (value.data[:1] == b"/" or self.rng.random() < 0.6):
            return Text(self.rng.choice(KNOWN))
        return value


def untouched(target: Target) -> Input:
    """The unchanged image, mounted."""
    return Input((), resolve(mount(target)))
