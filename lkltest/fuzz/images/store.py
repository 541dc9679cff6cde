"""The directory of a corpus of images: one file for each input, with its image's difference and its program as text.

The files stand beside those of programs (`gen/store.py`), and are written in the same way. A recipe makes another image
each time, with other UUIDs: the difference is then made to the new image, and the checksums are put right. A comment
has the calls' variants: the path of a call that opens a directory does not tell that it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.fuzz.gen import store
from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Scenario
from lkltest.fuzz.images.inputs import Changes, Made
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.prog.text import parse_program, print_program
from lkltest.fuzz.prog.values import Call, Program, Text
from lkltest.image.metadata import Difference, parse_difference

SUFFIX = ".image"
STORED = "images of the corpus"  # stands for their recipes where new edges are counted
NO_VARIANT = "-"  # of a call that no mutation changes
RECIPE = re.compile(r"^recipe (\S+)", re.MULTILINE)
VARIANTS = re.compile(r"^# variants: (.*)$", re.MULTILINE)
HEAD = ("mount", "chdir")  # calls that an input begins with


def counted(number: int) -> str:
    """The number of some inputs, in words."""
    return f"{number} input{'' if number == 1 else 's'} with disk images"


def by_recipe(directory: Path, complain: Callable[[str], None] = lambda _: None) -> dict[str, list[str]]:
    """The names of the files in a directory, by the recipe of their image; each file is read once.

    `complain` is given a line for each file that cannot be read, or that names no recipe.
    """
    found: dict[str, list[str]] = {}
    for name, text in store.texts(directory, complain, SUFFIX):
        image = text.partition("\n\n")[0]
        named = RECIPE.search(image)
        try:
            recipe = named[1] if named else parse_difference(image).recipe
        except UsageError as error:
            complain(f"{directory / name} is left out: {error}")
        else:
            found.setdefault(recipe, []).append(name)
    return found


class ImageStore:
    """The inputs of one target in a directory."""

    def __init__(
        self, directory: Path, target: Target, complain: Callable[[str], None] = lambda _: None,
        names: Sequence[str] | None = None,
    ) -> None:
        """The directory is made where it is missing; `complain` is given a line for each file that cannot be read.

        `names` are the files of the target's recipe, where `by_recipe` has found them already. Raises UsageError where
        the directory cannot be made or read.
        """
        self.directory = directory
        self.target = target
        self.complain = complain
        store.prepare(directory)
        self.names = names if names is not None else by_recipe(directory, complain).get(target.recipe, [])

    def write(self, changes: Changes, calls: Sequence[EncodedCall]) -> str:
        """Write an input; the name of its file. Raises UsageError where it cannot be written."""
        target = self.target
        image = Difference(target.recipe, target.sha256, target.base.size, changes).text()
        program = print_program(Program(tuple(one.call for one in calls)))
        keys = " ".join(one.key or NO_VARIANT for one in calls)
        return store.put(self.directory, f"{image}\n# variants: {keys}\n{program}", SUFFIX)

    def read(self, scenario: Scenario, nth: int = 0, of: int = 1) -> Iterator[Made]:
        """The inputs that were there at first; of several readers, each takes its own part of the files."""
        for name in self.names[nth::of]:
            path = self.directory / name
            text = store.load(path, self.complain)
            try:
                if text is not None:
                    yield self.parse(text, scenario, name)
            except UsageError as error:
                self.complain(f"{path} is left out: {error}")

    def parse(self, text: str, scenario: Scenario, name: str = "") -> Made:
        """The input of a text, which is that of the file `name`; raises UsageError where this kernel cannot have it."""
        image, _, program = text.partition("\n\n")
        difference = parse_difference(image)
        description = self.target.description
        calls = parse_program(
            program, description.headers.constants, description.produces, description.encoder.call
        ).calls
        if tuple(call.name for call in calls[: len(HEAD)]) != HEAD or len(calls) == len(HEAD):
            raise UsageError(f"its program does not begin with {', '.join(HEAD)}, or has no other call")
        named = VARIANTS.search(program)
        keys = named[1].split() if named else []
        keys = keys if len(keys) == len(calls) else [""] * len(calls)
        encoded = [self.encoded(call, key) for call, key in zip(calls, keys, strict=True)]
        head, rest = tuple(encoded[: len(HEAD)]), tuple(encoded[len(HEAD) :])
        return Made(self.changes(difference), head, Candidate(rest, scenario, name))

    def encoded(self, call: Call, key: str = "") -> EncodedCall:
        """A call of a variant, encoded; no mutation changes a mount, an unmount, or a call to another directory."""
        description = self.target.description
        leaves = call.name == "chdir" and isinstance(call.args[0], Text) and call.args[0].data[:1] == b"/"
        if leaves or call.name in ("mount", "umount"):
            return EncodedCall(description.encoder.call(call), call, 0)
        known = description.variants.get(key)
        if known is not None and known.signature.name == call.name:
            return EncodedCall.of(replace(call, produces=known.produces), known, description)
        return EncodedCall.of(call, description.variant(call.name, call.args), description)

    def changes(self, difference: Difference) -> Changes:
        """The changes of an image; on another base than their own, with right checksums."""
        if difference.sha256 == self.target.sha256:
            return difference.changes
        image = self.target.overlay(difference.changes)
        self.target.metadata.repair(image)
        return tuple(image.changes())
