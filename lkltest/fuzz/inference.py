"""What the C type and the name of an argument alone tell of it."""

from __future__ import annotations

from lkltest.fuzz.headers import Argument, Signature
from lkltest.fuzz.notation import Reader
from lkltest.fuzz.types import AnyOf, Choice, Data, Integer, Numbers, Room, SizeOf, StructOf, Type, by_type

DESCRIPTORS = {"fd", "fildes", "oldfd", "fdin", "fdout", "fd_in", "fd_out", "epfd", "out_fd", "in_fd", "ufd"}
DIRECTORIES = {"dfd", "olddfd", "newdfd", "mountdirfd", "dirfd"}
PATHS = {"filename", "pathname", "path", "oldname", "newname", "dir_name", "dev_name", "new_root", "put_old"}
LENGTHS = {"len", "count", "size", "bufsiz", "nbytes", "bufsize", "addrlen", "addr_len", "optlen", "usize", "vlen",
           "nfds", "nr", "nr_args", "buflen"}
TYPEDEFS = {"lkl_uid_t": "uid", "lkl_gid_t": "uid", "lkl_pid_t": "pid", "lkl_clockid_t": "clock",
            "lkl_umode_t": "mode"}
ROOM = 4096  # bytes of a buffer whose length nobody knows; lengths that nobody knows stay below


def infer(signature: Signature, index: int, reader: Reader) -> Type:
    """The type of an argument that the annotations leave out: any kernel's new call can be made with it."""
    argument = signature.arguments[index]
    if argument.type.kind == "pointer":
        return _pointer(argument, reader)
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
    before = signature.arguments[index - 1] if index else None
    if argument.name in LENGTHS and before is not None and before.type.kind == "pointer":
        return SizeOf(before.name)
    pointers = [a for a in signature.arguments if a.type.kind == "pointer"]
    if pointers:
        # Any number might be a length: none is longer than the room behind a pointer.
        return AnyOf((Integer(0, 16), Choice((0, 1, -1)), Integer(0, ROOM)) if _known(pointers) else (Integer(0, 64),))
    return by_type(argument.type) or Choice((0,))


def _known(pointers: list[Argument]) -> bool:
    """Whether all pointers lead to something whose size their type tells."""
    return all((p.type.target is not None and p.type.target.kind == "struct") or p.name in PATHS for p in pointers)


def _pointer(argument: Argument, reader: Reader) -> Type:
    target = argument.type.target
    assert target is not None
    if argument.name in PATHS:
        return reader.read("path")
    if target.typedef.endswith("sigset_t"):
        return reader.read("sigset")
    if target.kind == "struct":
        known = StructOf(target.name.removeprefix("lkl_"))
        return known if argument.type.const else AnyOf((known, Room(target.size, target.size)))
    if target.kind == "int" and target.size > 1:
        return AnyOf((Room(ROOM, ROOM), Numbers(target.size, (Choice((0, 1, 2)),) * (ROOM // target.size))))
    return Data(ROOM, ROOM) if argument.type.const else Room(ROOM, ROOM)
