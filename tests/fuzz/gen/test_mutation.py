"""Mutated programs are programs: of calls that the kernel has, whose lengths are no longer than their buffers."""

from __future__ import annotations

from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.gen.mutation import LONGEST, Mutator
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.types import Len
from lkltest.fuzz.prog.values import Array, Call, Pointer, Raw
from lkltest.fuzz.prog.visit import walk


def too_long(description: Description, key: str, call: Call) -> bool:
    """Whether a length in bytes of a call is longer than its buffer."""
    variant = description.variants[key]
    names = [argument.name for argument in variant.signature.arguments]
    for type, value in zip(variant.types, call.args, strict=True):
        if isinstance(type, Len) and type.unit == 1 and isinstance(value, int):
            buffer = call.args[names.index(type.of)]
            if isinstance(buffer, Pointer) and value > description.encoder.size(buffer.target):
                return True
    return False


def test_mutations_stay_within_their_descriptions(description: Description) -> None:
    """Thousands of mutations on top of each other can be encoded, and measure their buffers."""
    generator = Generator(description, 1)
    mutator = Mutator(generator)
    pool = list(generator.batch(100).programs)
    before = {encoded.code for program in pool for encoded in program.calls}
    for _ in range(3000):
        mutated = mutator.mutate(generator.source.choice(pool), generator.source.choice(pool))
        assert 0 < len(mutated.calls) <= LONGEST
        pool[generator.source.integer(0, len(pool) - 1)] = mutated
    calls = [encoded for program in pool for encoded in program.calls]
    assert sum(encoded.code not in before for encoded in calls) > len(calls) / 10
    for encoded in calls:
        assert encoded.code == description.encoder.call(encoded.call)
        assert not too_long(description, encoded.key, encoded.call), encoded.call


def test_payloads_and_arrays_change_their_sizes(description: Description) -> None:
    """A message's payload, and the array of a filter's instructions, grow and shrink within what their lengths say."""
    generator = Generator(description, 3)
    arguments = Mutator(generator).arguments
    for key, kind in (("sendto_plain", Raw), ("setsockopt_SOL_SOCKET_SO_ATTACH_FILTER", Array)):
        call = description.draw(key, generator.source)
        sizes = set()
        for _ in range(300):
            call = arguments.change(call, description.variants[key])
            assert not too_long(description, key, call)
            assert description.encoder.call(call)
            sizes |= {
                len(part.data if isinstance(part, Raw) else part.items)
                for value in call.args for part in walk(value) if isinstance(part, Raw | Array) and type(part) is kind
            }  # fmt: skip
        assert len(sizes) > 3, (key, sizes)


def test_numbers_and_strings_stay_within_their_types(description: Description) -> None:
    """An argument that is changed is one that its type could have drawn."""
    generator = Generator(description, 2)
    arguments = Mutator(generator).arguments
    changed = 0
    for key, variant in description.variants.items():
        call = before = description.draw(key, generator.source)
        for _ in range(5):
            call = arguments.swap(arguments.change(call, variant), variant)
            assert variant.accepts(call.args), call
        changed += call != before
    assert changed > len(description.variants) / 2
