"""Fixed layouts of integers, declared once: packed by Python, and declared as C structs for the executor."""

from __future__ import annotations

import struct

FORMATS = {
    "uint8_t": "B", "uint16_t": "H", "uint32_t": "I", "uint64_t": "Q", "int32_t": "i", "int64_t": "q",
}  # fmt: skip


class Record:
    """A little-endian C struct without padding: each field is aligned to its own size.

    `pack`, `unpack_from` and `iter_unpack` are those of `struct.Struct`, in the order of the fields.
    """

    def __init__(self, name: str, *fields: tuple[str, str, str], qualifier: str = "") -> None:
        """A field is its C type, its name, and a comment; `qualifier` stands before each field in C."""
        self.name = name
        self.fields = fields
        self.qualifier = qualifier
        self.names = tuple(field for _, field, _ in fields)
        self._struct = struct.Struct("<" + "".join(FORMATS[type] for type, _, _ in fields))
        self.pack = self._struct.pack
        self.unpack_from = self._struct.unpack_from
        self.iter_unpack = self._struct.iter_unpack
        self.size = self._struct.size

    def offset(self, name: str) -> int:
        """The bytes before a field."""
        before = [FORMATS[type] for type, _, _ in self.fields[: self.names.index(name)]]
        return struct.calcsize("<" + "".join(before))

    def declaration(self, *more: str) -> str:
        """The struct in C, with a check of each offset and of the size; `more` are further members, whole lines."""
        qualifier = f"{self.qualifier} " if self.qualifier else ""
        members = [f"\t{qualifier}{type} {name};" + (f"\t/* {comment} */" if comment else "")
                   for type, name, comment in self.fields]
        checks = [
            f'_Static_assert(offsetof(struct {self.name}, {name}) == {self.offset(name)}, "{self.name}.{name}");'
            for name in self.names
        ]
        if not more:
            checks.append(f'_Static_assert(sizeof(struct {self.name}) == {self.size}, "{self.name}");')
        return "\n".join([f"struct {self.name} {{", *members, *more, "};", *checks, ""])
