"""Mutations of an image: of fields and blocks of its metadata, or of bytes anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from lkltest.image.metadata.formats import Metadata
from lkltest.image.metadata.model import Block, Field
from lkltest.image.metadata.overlay import Overlay

MOST = 4  # mutations of one image
SMALL = (1, 2, 4, 8, 16, 32, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 32767, 32768, 65535, 65536)


def mutate(metadata: Metadata, image: Overlay, rng: random.Random, kinds: Sequence[str] = ()) -> None:
    """Change a few fields or bytes of the metadata; `kinds` names the kinds of blocks to change, all where empty.

    Checksums are not put right: `Metadata.repair` does that.
    """
    chosen = sorted(kind for kind in metadata.by_kind if not kinds or kind in kinds)
    if not chosen:
        return
    for _ in range(1 + min(int(rng.expovariate(1)), MOST - 1)):
        blocks = metadata.by_kind[rng.choice(chosen)]  # a kind first: there are many inodes, and one superblock
        block = rng.choice(blocks)
        change = rng.random()
        if block.fields and change < 0.85:
            _field(image, block, blocks, rng)
        elif change < 0.95 or len(blocks) < 2:
            _bytes(image, block, rng)
        else:
            _copy(image, block, rng.choice(blocks))


def strew(image: Overlay, rng: random.Random, places: Sequence[tuple[int, int]]) -> None:
    """Change random bytes at random places of the image's data: the blind way, to compare with.

    `places` are the ranges (first byte, byte after the last) that hold data.
    """
    sizes = [last - first for first, last in places]
    for _ in range(1 + min(int(rng.expovariate(1)), MOST - 1)):
        first, last = rng.choices(places, sizes)[0]
        image.write(rng.randrange(first, last), rng.randbytes(rng.choice((1, 1, 2, 4, 8))))


def _field(image: Overlay, block: Block, others: Sequence[Block], rng: random.Random) -> None:
    """Change one field."""
    field = rng.choice(block.fields)
    if field.size > 8:  # a UUID, a name
        image.write(field.offset + rng.randrange(field.size), rng.randbytes(1))
        return
    old = image.number(field.offset, field.size, big=field.big)
    new = rng.choice(CHANGES)(image, field, old, others, rng)
    image.set_number(field.offset, field.size, new, big=field.big)


Change = Callable[[Overlay, Field, int, Sequence[Block], random.Random], int]


def _flip(_: Overlay, field: Field, old: int, __: Sequence[Block], rng: random.Random) -> int:
    return old ^ 1 << rng.randrange(8 * field.size)


def _near(_: Overlay, __: Field, old: int, ___: Sequence[Block], rng: random.Random) -> int:
    return old + rng.choice((-1, 1, -1, 1, -2, 2, -8, 8, -4096, 4096))


def _edge(_: Overlay, field: Field, __: int, ___: Sequence[Block], rng: random.Random) -> int:
    top = 1 << 8 * field.size
    return rng.choice((0, 0, 1, top - 1, top - 2, top >> 1, (top >> 1) - 1, rng.choice(SMALL)))


def _random(_: Overlay, field: Field, __: int, ___: Sequence[Block], rng: random.Random) -> int:
    return rng.getrandbits(8 * field.size) >> rng.randrange(8 * field.size)


def _scaled(_: Overlay, __: Field, old: int, ___: Sequence[Block], rng: random.Random) -> int:
    return old << 1 if rng.random() < 0.5 else old >> 1


def _borrowed(image: Overlay, field: Field, old: int, others: Sequence[Block], rng: random.Random) -> int:
    """The value of another field of the same size, such as the place of another block."""
    same = [other for other in rng.choice(others).fields if other.size == field.size]
    if not same:
        return old ^ 1
    chosen = rng.choice(same)
    return image.number(chosen.offset, chosen.size, big=chosen.big)


CHANGES: tuple[Change, ...] = (_flip, _near, _edge, _edge, _random, _scaled, _borrowed, _borrowed)


def _bytes(image: Overlay, block: Block, rng: random.Random) -> None:
    """Change random bytes of a block."""
    image.write(block.offset + rng.randrange(block.size), rng.randbytes(rng.choice((1, 1, 2, 4, 8))))


def _copy(image: Overlay, block: Block, other: Block) -> None:
    """Let a block hold what another one of its kind holds."""
    image.write(block.offset, image.read(other.offset, min(block.size, other.size)))
