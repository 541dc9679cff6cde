"""C types as a compiler lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CType:
    """A C type, with typedefs and qualifiers taken off."""

    kind: str  # int, pointer, struct (unions too), array, void, function
    size: int = 0  # bytes; 0 where it has none
    signed: bool = False  # of an int
    name: str = ""  # tag of a struct or union: "lkl_iovec"
    target: CType | None = None  # of a pointer or an array
    count: int = 0  # elements of an array
    const: bool = False  # of a pointer: the target is const, so the kernel only reads it
    typedef: str = ""  # outermost typedef's name: "lkl_uid_t"

    def spell(self) -> str:
        """The type in C's words, near enough to be read."""
        if self.typedef:
            return self.typedef
        if self.kind == "pointer":
            assert self.target is not None
            return f"{'const ' if self.const else ''}{self.target.spell()} *"
        if self.kind == "struct":
            return f"struct {self.name}"
        if self.kind == "array":
            assert self.target is not None
            return f"{self.target.spell()}[{self.count}]"
        if self.kind == "int":
            return f"{'s' if self.signed else 'u'}{self.size * 8}"
        return self.kind


@dataclass(frozen=True)
class Field:
    """One member of a structure."""

    name: str
    offset: int  # bytes from the start of the structure
    type: CType


@dataclass(frozen=True)
class Layout:
    """A structure's or a union's layout."""

    name: str  # without "struct": "lkl_iovec"
    size: int  # bytes
    fields: tuple[Field, ...]
    union: bool = False

    def field(self, name: str) -> Field:
        """The field of that name; raises KeyError where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


def type_from(data: dict[str, Any]) -> CType:
    """Make a CType of the result of `dataclasses.asdict`."""
    target = data["target"]
    return CType(**{**data, "target": type_from(target) if target else None})


def layout_from(data: dict[str, Any]) -> Layout:
    """Make a Layout of the result of `dataclasses.asdict`."""
    fields = tuple(Field(f["name"], f["offset"], type_from(f["type"])) for f in data["fields"])
    return Layout(data["name"], data["size"], fields, data["union"])
