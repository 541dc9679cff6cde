"""Names numbers of a program by the constants of the headers."""

from __future__ import annotations

from collections.abc import Sequence

from lkltest.fuzz.lang.describe import Description, Variant, names
from lkltest.fuzz.lang.types import Flags, Resource, Type
from lkltest.fuzz.prog.text import plain
from lkltest.fuzz.prog.values import Call


class Namer:
    """Names the numbers of one kernel's calls."""

    def __init__(self, description: Description, prefix: str = "") -> None:
        """`prefix` stands before each constant: "LKL_" in C."""
        self.description = description
        self.prefix = prefix
        self.last: tuple[Call | None, Variant | None] = None, None  # a call, whose numbers are named in a row

    def __call__(self, number: int, call: Call, path: str) -> str:
        """The number as the text form has it."""
        type = self.type(call, path)
        if type is None:
            return plain(number, call, path)
        if isinstance(type, Resource) and number == -100:
            return f"{self.prefix}AT_FDCWD"
        found = names(type)
        if isinstance(type, Flags):
            return self.flags(number, found)
        for name in found:
            if self.description.headers.constants.get(name) == number:
                return self.prefix + name
        if path.isdigit() and self.argument(call, path) == "mode":
            return f"0{number:o}" if number > 0 else str(number)
        return plain(number, call, path)

    def type(self, call: Call, path: str) -> Type | None:
        """The type of an argument or a structure's field."""
        if not path.isdigit():
            struct, _, key = path.partition(".")
            return self.description.fields.get(struct, ("", {}))[1].get(key)
        if call is not self.last[0]:
            self.last = call, self._variant(call)
        variant = self.last[1]
        return variant.types[int(path)] if variant is not None else None

    def _variant(self, call: Call) -> Variant | None:
        """The variant of a call; None where it can be none."""
        try:
            return self.description.variant(call.name, call.args)
        except ValueError:
            return None

    def argument(self, call: Call, path: str) -> str:
        """An argument's name."""
        return self.description.headers.calls[call.name].arguments[int(path)].name

    def flags(self, number: int, found: Sequence[str]) -> str:
        """Names joined by bars; bits without a name are added as a number."""
        values = {name: self.description.headers.constants.get(name, 0) for name in found}
        parts: list[str] = []
        left = number
        for name, value in sorted(values.items(), key=lambda item: -item[1].bit_count()):
            if value and left & value == value:
                parts.append(self.prefix + name)
                left &= ~value
        if not parts:
            zero = next((name for name, value in values.items() if value == 0 and number == 0), None)
            return self.prefix + zero if zero else plain(number, Call("", ()), "")
        return "|".join([*parts, hex(left)] if left else parts)
