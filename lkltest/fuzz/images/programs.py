"""Programs that use a mounted image: calls on its files, remounts, and now and then an unmount and a second mount."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

from lkltest.fuzz.gen.generator import Candidate, EncodedCall, Generator, Scenario
from lkltest.fuzz.gen.mutation import Mutator
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.images.mounts import PLACE, REMOUNT, drawn, mount, mounting
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.lang.describe import Description, Variant, read_annotations
from lkltest.fuzz.prog.values import Call, Text, Value
from lkltest.image import tree

KNOWN = [name.encode() for name in ("packed", "packed/deep", "packed/deep/er", ".", *tree.PACKED, tree.SYMLINK[0])]
SCENARIOS = ("files", "xattrs")
MORE = (
    "ioctl_fs", "ioctl_fiemap", "fallocate", "fallocate", "fcntl_lock", "statx", "preadv2", "pwritev2", "quotactl",
    "openat_direct", "openat_long", "mkdirat_long", "renameat2_long", "symlinkat_long", "pread64_direct",
    "pwrite64_direct", "pwrite64_far", "truncate_far", "fallocate_far", "setxattr_large", "ioctl_attributes",
    "ioctl_clone", "ioctl_clone_all", "ioctl_dedupe", "ioctl_trim", "ioctl_block", "pipe2", "splice_in", "splice_out",
)
REQUESTS = {"ext2": "ioctl_ext4*", "ext3": "ioctl_ext4*", "ext4": "ioctl_ext4*", "xfs": "ioctl_xfs*",
            "btrfs": "ioctl_btrfs*", "vfat": "ioctl_fat"}
LEFT_OUT = ("chroot", "mount", "umount", "pivot_root", "name_to_handle_at", "open_by_handle_at", "mmap_pgoff", "munmap")
OPENING = ("openat_dir", "getdents64", "openat", "pread64", "newfstatat", "readlinkat", "statfs")
LENGTHS = (1, 2, 3, 4, 6, 8, 10, 14)
OPENING_CHANCE = 0.75  # that a program makes a call of the opening
KNOWN_CHANCE = 0.6  # that a path is one of the image's own
CYCLE_CHANCE = 0.08  # that a program unmounts the image, and mounts it again
REMOUNT_CHANCE = 0.08
PLAIN_CHANCE = 0.5  # that a second mount has the options of the recipe


class ImageScenario(Scenario):
    """Programs on one target's image."""

    def __init__(self, name: str, entry: Mapping[str, Any], description: Description, target: Target) -> None:
        super().__init__(name, entry, description)
        self.keys = [key for key in self.keys if description.variants[key].signature.name not in LEFT_OUT]
        self.weights = list(accumulate(description.variants[key].weight for key in self.keys))
        self.start = [[key] for key in OPENING if key in description.variants]
        self.target = target

    def mounted(self, rng: random.Random, *, flags: int = 0) -> EncodedCall:
        """A mount of the image, as its recipe says or with other options and flags."""
        plain = rng.random() < PLAIN_CHANCE
        return self.fixed(mounting(self.target, flags=flags) if plain else drawn(self.target, rng, flags=flags))

    def cycle(self, rng: random.Random) -> list[EncodedCall]:
        """Calls that unmount the image, and mount it again."""
        leave = self.fixed(Call("chdir", (Text(b"/"),))), self.fixed(Call("umount", (Text(PLACE), 0)))
        return [*leave, self.mounted(rng), self.fixed(mount(self.target)[1])]

    def fixed(self, call: Call) -> EncodedCall:
        """A call that no mutation changes: no variant is known of it."""
        return EncodedCall(self.description.encoder.call(call), call, 0)

    def draw(self, key: str, source: Random) -> EncodedCall:
        """Draw a call of which most paths are those of files on the image."""
        while True:
            drawn = super().draw(key, source)
            call = on_image(drawn.call, self.description.variants[key], source.random, KNOWN_CHANCE)
            try:
                return EncodedCall.of(call, self.description.variants[key], self.description)
            except (ValueError, KeyError):
                continue

    def compose(self, rng: random.Random) -> list[EncodedCall]:
        """A program's calls: it looks around, and does some more."""
        calls = [rng.choice(step) for step in self.encoded if rng.random() < OPENING_CHANCE]
        calls += rng.choices(self.pool, k=rng.choice(LENGTHS))
        if rng.random() < CYCLE_CHANCE:
            at = rng.randrange(len(calls) + 1)
            calls[at:at] = self.cycle(rng)
        if rng.random() < REMOUNT_CHANCE:
            calls.insert(rng.randrange(len(calls) + 1), self.mounted(rng, flags=REMOUNT))
        return calls


class Programs(Generator):
    """Makes programs for the image of one target."""

    def __init__(self, target: Target, seed: str) -> None:
        super().__init__(target.description, seed, scenarios={})
        known = read_annotations()["scenarios"]
        body = [*(key for name in SCENARIOS for key in known[name]["body"]), *MORE, REQUESTS[target.type]]
        entry = {"weight": 1, "start": [], "body": body}
        self.scenarios = [ImageScenario(target.recipe, entry, target.description, target)]
        self.weights = [1.0]

    def fresh(self) -> Candidate:
        """A new program."""
        scenario = self.scenario()
        return Candidate(tuple(scenario.compose(self.source.random)), scenario)


class ImageMutator(Mutator):
    """Mutates programs that use an image."""

    def changed(self, call: Call, variant: Variant) -> Call:
        """The call with an argument changed; its paths stay on the image."""
        changed = super().changed(call, variant)
        return changed if changed is call else on_image(changed, variant, self.rng, 0.0)

    def redrawn(self, call: Call, variant: Variant) -> Call:
        """Another call of the variant, whose paths are on the image."""
        return on_image(super().redrawn(call, variant), variant, self.rng, 0.0)


def on_image(call: Call, variant: Variant, rng: random.Random, chance: float) -> Call:
    """A call of which no path leads away from the image, and others are with this chance those of its own files."""
    def path(value: Value, name: str) -> Value:
        if isinstance(value, Text) and name != "name" and (value.data[:1] == b"/" or rng.random() < chance):
            return Text(rng.choice(KNOWN))
        return value

    names = [argument.name for argument in variant.signature.arguments]
    return replace(call, args=tuple(map(path, call.args, names)))
