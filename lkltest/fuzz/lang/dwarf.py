"""Reads C types from an object file's debug information."""

from __future__ import annotations

from typing import Any

from lkltest.errors import BuildError
from lkltest.fuzz.prog.ctype import CType, Field, Layout


class Dwarf:
    """The debug information of one object file."""

    def __init__(self, path: str) -> None:
        from elftools.elf.elffile import ELFFile

        self.file = open(path, "rb")  # noqa: SIM115, PTH123 -- closed by close()
        self.elf = ELFFile(self.file)
        if not self.elf.has_dwarf_info():
            raise BuildError(f"no debug information in {path}: the compiler must support -g")
        self.units = list(self.elf.get_dwarf_info().iter_CUs())
        self.structs: dict[str, Layout] = {}
        self.enumerators: dict[str, int] = {}

    def close(self) -> None:
        """Close the object file."""
        self.file.close()

    def variables(self) -> dict[str, CType]:
        """The types of all global variables; fills `structs` and `enumerators` on the way."""
        found: dict[str, CType] = {}
        for unit in self.units:
            for die in unit.get_top_DIE().iter_children():
                name = _name(die)
                if die.tag == "DW_TAG_variable" and name:
                    found[name] = self.type(die)
                elif die.tag in ("DW_TAG_structure_type", "DW_TAG_union_type") and name:
                    self.struct(die, name)
                elif die.tag == "DW_TAG_enumeration_type":
                    for child in die.iter_children():
                        self.enumerators[_name(child)] = child.attributes["DW_AT_const_value"].value
        return found

    def type(self, die: Any, within: str = "") -> CType:
        """The type that a DIE refers to; `within` names an anonymous structure found there."""
        if "DW_AT_type" not in die.attributes:
            return CType("void")
        return self.resolve(die.get_DIE_from_attribute("DW_AT_type"), within)

    def resolve(self, die: Any, within: str = "") -> CType:
        """The type that a type's DIE describes."""
        size = die.attributes["DW_AT_byte_size"].value if "DW_AT_byte_size" in die.attributes else 0
        match die.tag:
            case "DW_TAG_typedef":
                inner = self.type(die, within or _name(die))
                return CType(**{**vars(inner), "typedef": _name(die)})
            case "DW_TAG_const_type" | "DW_TAG_volatile_type" | "DW_TAG_restrict_type":
                return self.type(die, within)
            case "DW_TAG_base_type":
                signed = die.attributes["DW_AT_encoding"].value in (5, 6)  # DW_ATE_signed, DW_ATE_signed_char
                return CType("int", size, signed)
            case "DW_TAG_enumeration_type":
                return CType("int", size or 4, False)
            case "DW_TAG_pointer_type":
                return self._pointer(die, size or 8)
            case "DW_TAG_array_type":
                return self._array(die, within)
            case "DW_TAG_structure_type" | "DW_TAG_union_type":
                name = _name(die) or within
                self.struct(die, name)
                return CType("struct", size, name=name)
        return CType("function", size)

    def _pointer(self, die: Any, size: int) -> CType:
        if "DW_AT_type" not in die.attributes:
            return CType("pointer", size, target=CType("void"))
        target = die.get_DIE_from_attribute("DW_AT_type")
        const = target.tag == "DW_TAG_const_type"
        # A structure may point to itself: only its name is kept here.
        return CType("pointer", size, target=self.resolve(target), const=const)

    def _array(self, die: Any, within: str) -> CType:
        element = self.type(die, within)
        for child in reversed(list(die.iter_children())):
            if "DW_AT_upper_bound" in child.attributes:
                count = int(child.attributes["DW_AT_upper_bound"].value) + 1
            elif "DW_AT_count" in child.attributes:
                count = int(child.attributes["DW_AT_count"].value)
            else:
                count = 0  # a flexible array member
            if count > 1 << 32:
                count = 0  # gcc writes [0] as an upper bound of -1
            element = CType("array", element.size * count, target=element, count=count)
        return element

    def struct(self, die: Any, name: str) -> None:
        """Note a structure's layout under `name`; an incomplete one is passed over."""
        if name in self.structs or "DW_AT_declaration" in die.attributes:
            return
        size = die.attributes["DW_AT_byte_size"].value
        union = die.tag == "DW_TAG_union_type"
        self.structs[name] = Layout(name, size, (), union)  # stops the recursion of one that names itself
        self.structs[name] = Layout(name, size, tuple(self._fields(die, name)), union)

    def _fields(self, die: Any, name: str, base: int = 0) -> list[Field]:
        fields: list[Field] = []
        for child in die.iter_children():
            if child.tag != "DW_TAG_member" or "DW_AT_data_bit_offset" in child.attributes:
                continue
            at = child.attributes.get("DW_AT_data_member_location")
            offset = base + (at.value if at else 0)
            member = _name(child)
            if member:
                fields.append(Field(member, offset, self.type(child, f"{name}.{member}")))
                continue
            inner = child.get_DIE_from_attribute("DW_AT_type")
            within = self._fields(inner, name, offset)
            # Of an anonymous union's alternatives the first one stands for all.
            fields += within[:1] if inner.tag == "DW_TAG_union_type" else within
        return fields


def _name(die: Any) -> str:
    return str(die.attributes["DW_AT_name"].value.decode()) if "DW_AT_name" in die.attributes else ""
