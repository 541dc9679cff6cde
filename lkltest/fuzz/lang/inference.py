"""Infers the type of an argument from its C type and its name, where no annotation gives it."""

from __future__ import annotations

import re

from lkltest.fuzz.lang.headers import Argument, Signature
from lkltest.fuzz.lang.notation import Reader
from lkltest.fuzz.lang.types import (
    INTERESTING,
    BufferIn,
    BufferOut,
    Choice,
    Constant,
    Flags,
    Integer,
    Len,
    Numbers,
    Padded,
    StructOf,
    Type,
    Union,
    by_type,
)
from lkltest.fuzz.prog.values import Array, Fill, Raw

DESCRIPTORS = {"fd", "fildes", "oldfd", "fdin", "fdout", "fd_in", "fd_out", "epfd", "out_fd", "in_fd", "ufd"}
DIRECTORIES = {"dfd", "olddfd", "newdfd", "mountdirfd", "dirfd"}
PATHS = {"filename", "pathname", "path", "oldname", "newname", "dir_name", "dev_name", "new_root", "put_old"}
# Right behind a pointer: how many bytes it leads to, or how many items.
LENGTHS = {"len", "size", "bufsiz", "nbytes", "bufsize", "addrlen", "addr_len", "optlen", "usize", "buflen"}
COUNTS = re.compile(r"count|vlen|nfds|maxevents|n|nr\w*|num\w*")
BITS = re.compile(r"flags?|\w+_flags|mask|options?")  # never a length
ADDRESSES = re.compile(r"arg\d*|u?addr\d*|ptr|data")  # of a long: for some commands, the kernel takes it for a pointer
# Calls that return descriptors.
OPENERS = re.compile(r"\w*(open|create|getfd|dup|accept|socket|watch)\w*|fsmount|fspick")
TYPEDEFS = {"lkl_uid_t": "uid", "lkl_gid_t": "uid", "lkl_pid_t": "pid", "lkl_clockid_t": "clock",
            "lkl_umode_t": "mode"}
ROOM = 4096  # bytes of a buffer of unknown length; unknown lengths stay below
FEW = 16  # items for which there is always room
STRINGS = (b"f0", b"d0", b"", b"ramfs", b"a" * 300)


def infer(signature: Signature, index: int, reader: Reader, *, known: bool = False) -> Type:
    """The type of an argument that the annotations leave out: any kernel's new call can be made with it.

    No number can be a length that is longer than the buffer of the pointer beside it. In a `known` call, which has an
    annotation, a pointer to a structure leads to exactly one, so that writes past it are caught.
    """
    argument = signature.arguments[index]
    if argument.type.kind == "pointer":
        return _pointer(signature, index, reader, known=known)
    if argument.name in DESCRIPTORS:
        return reader.read("fd()")
    if argument.name in DIRECTORIES:
        return reader.read("dirfd")
    if argument.type.typedef in TYPEDEFS:
        return reader.read(TYPEDEFS[argument.type.typedef])
    if argument.name == "mode":
        return reader.read("mode")
    if argument.name == "sigsetsize":
        return reader.read("sigset_size")
    if measured := _measured(signature, index):
        return Len(measured.name, 1 if argument.name in LENGTHS else _item(measured))
    if BITS.fullmatch(argument.name):
        return Union((Choice(INTERESTING), Flags((0,), tuple(1 << n for n in range(31)), 0)))
    if argument.type.size == 8 and ADDRESSES.fullmatch(argument.name):
        return BufferOut(ROOM, ROOM)
    items = [_item(a) for a in signature.arguments if a.type.kind == "pointer" and a.name not in PATHS]
    if items:
        return Union((Integer(0, FEW), Choice((0, 1)), Integer(0, max(FEW, ROOM // max(items)))))
    return by_type(argument.type) or Choice((0,))


def _item(pointer: Argument) -> int:
    """The size of the target of a pointer's type."""
    return max(1, pointer.type.target.size if pointer.type.target else 1)


def _measured(signature: Signature, index: int) -> Argument | None:
    """The pointer whose length or count an argument is, by its name; None where it is none."""
    if index >= len(signature.arguments) or not index:
        return None
    name, before = signature.arguments[index].name, signature.arguments[index - 1]
    counts = name in LENGTHS or COUNTS.fullmatch(name) is not None
    return before if counts and before.type.kind == "pointer" else None


def _pointer(signature: Signature, index: int, reader: Reader, *, known: bool) -> Type:
    argument = signature.arguments[index]
    target = argument.type.target
    assert target is not None
    if argument.name in PATHS:
        return reader.read("path")
    if target.typedef.endswith("sigset_t"):
        return reader.read("sigset")
    if target.kind == "struct":
        struct = StructOf(target.name.removeprefix("lkl_"))
        if known or _measured(signature, index + 1):
            return struct if argument.type.const else Union((struct, BufferOut(target.size, target.size)))
        # Another argument may count its items.
        room = max(ROOM, FEW * target.size)
        return Padded(struct, room) if argument.type.const else Union((Padded(struct, room), BufferOut(room, room)))
    if target.kind == "int" and target.size > 1:
        return Union((BufferOut(ROOM, ROOM), Numbers(target.size, (Choice((0, 1, 2)),) * (ROOM // target.size))))
    if not argument.type.const:
        return BufferOut(ROOM, ROOM)
    # Most often a string; where it is none, a length of up to ROOM bytes still fits.
    strings = (Constant(Array((Raw(text + b"\0"), Fill(ROOM - len(text) - 1, 0)))) for text in STRINGS)
    return Union((*strings, BufferIn(ROOM, ROOM)))
