"""File operations agree with a model, step by step."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path as HostPath

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lkltest import process
from lkltest.fuzz import (
    Array,
    Call,
    Description,
    Directory,
    Disk,
    File,
    FileModel,
    Fill,
    Kernel,
    KernelConfig,
    Namer,
    Out,
    Path,
    Pointer,
    Produces,
    Profile,
    Program,
    Raw,
    Ref,
    Refused,
    Text,
    Value,
    print_program,
)

AT_FDCWD, AT_REMOVEDIR = -100, 0x200
O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_APPEND = 1, 2, 0o100, 0o200, 0o2000
MEMORY = "/t"  # where the file system in memory is mounted
SIZE = 12288  # bytes: files are smaller, so that three pages or blocks come into play
SHOWN = 32  # bytes that are compared at a time
NAME = 24  # bytes of a directory's entry with a short name

paths = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(tuple) | st.sampled_from([("a", "c"), ("c",)])
offsets = st.sampled_from([0, 1, 100, 1023, 1024, 4095, 4096, 8191]) | st.integers(0, SIZE - 600)
contents = st.binary(max_size=SHOWN).map(lambda data: bytes(byte & 0x7F for byte in data)) | st.just(b"z" * 500)


class Files(RuleBasedStateMachine):
    """Operations on paths, on a kernel and on the model."""

    run: Callable[[Program], tuple[int, ...]]  # of the class that is made for a test, as is all of the following
    description: Description
    place: str
    count = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.model = FileModel()
        self.namer = Namer(self.description)
        self.top = f"{self.place}/m{self.count}"
        self.call(("mkdirat", AT_FDCWD, Text(self.top.encode()), 0o755))

    def call(
        self, *calls: tuple[str | Value, ...], produces: dict[int, tuple[Produces, ...]] | None = None
    ) -> list[int]:
        """Make calls in one program; their results."""
        made = []
        for n, (name, *args) in enumerate(calls):
            assert isinstance(name, str)
            made.append(Call(name, tuple(args), (produces or {}).get(n, ())))  # type: ignore[arg-type]
        program = Program(tuple(made))
        returned = type(self).run(program)
        lines = print_program(program, self.namer).splitlines()
        note("\n".join(f"{line} = {result}" for line, result in zip(lines[:6], returned, strict=False)))
        assert len(returned) == len(made)
        return list(returned)

    def name(self, path: Path) -> Text:
        """A path as the kernel takes it."""
        return Text("/".join((self.top, *path)).encode())

    def agree(self, returned: int, expected: Callable[[], int | None]) -> None:
        """The kernel's result must be the model's."""
        try:
            wanted = expected() or 0
        except Refused as refused:
            wanted = -refused.errno
        assert returned == wanted, f"the kernel says {said(returned)}, the model {said(wanted)}"

    @rule(path=paths, exclusive=st.booleans())
    def create(self, path: Path, exclusive: bool) -> None:
        """Open a file that may not exist yet."""
        flags = O_RDWR | O_CREAT | (O_EXCL if exclusive else 0)
        result = self.call(("openat", AT_FDCWD, self.name(path), flags, 0o644))[0]
        self.agree(min(result, 0), lambda: self.model.create(path, exclusive=exclusive))

    @rule(path=paths, offset=offsets, data=contents, append=st.booleans())
    def write(self, path: Path, offset: int, data: bytes, append: bool) -> None:
        """Write somewhere, or at the end."""
        source = Pointer(Raw(data) if len(data) <= SHOWN else Fill(len(data), data[0]))
        flags = O_WRONLY | (O_APPEND if append else 0)
        opened, written = self.call(
            ("openat", AT_FDCWD, self.name(path), flags, 0), ("pwrite64", Ref(0), source, len(data), offset),
            produces={0: (Produces("file"),)},
        )

        def wanted() -> int:
            # Linux appends whatever the offset is: a bug that its manual page owns up to.
            at = len(self.model.file(path).data) if append else offset
            return self.model.write(path, at, data)

        self.agree(opened if opened < 0 else written, wanted)
        if written >= 0:
            self.compare(path, offset // 4 * 4)

    @rule(path=paths, size=offsets)
    def truncate(self, path: Path, size: int) -> None:
        """Cut or extend a file."""
        with contextlib.suppress(Refused):
            if self.place == MEMORY and size and not self.model.file(path).data:
                return  # ramfs without an MMU says EEXIST where the file's first page is cached
        self.agree(self.call(("truncate", self.name(path), size))[0], lambda: self.model.truncate(path, size))

    @rule(path=paths)
    def mkdir(self, path: Path) -> None:
        """Make a directory."""
        self.agree(self.call(("mkdirat", AT_FDCWD, self.name(path), 0o755))[0], lambda: self.model.mkdir(path))

    @rule(path=paths)
    def rmdir(self, path: Path) -> None:
        """Remove a directory."""
        self.agree(
            self.call(("unlinkat", AT_FDCWD, self.name(path), AT_REMOVEDIR))[0], lambda: self.model.rmdir(path)
        )

    @rule(path=paths)
    def unlink(self, path: Path) -> None:
        """Remove a file's name."""
        self.agree(self.call(("unlinkat", AT_FDCWD, self.name(path), 0))[0], lambda: self.model.unlink(path))

    @rule(old=paths, new=paths)
    def link(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        result = self.call(("linkat", AT_FDCWD, self.name(old), AT_FDCWD, self.name(new), 0))[0]
        self.agree(result, lambda: self.model.link(old, new))

    @rule(old=paths, new=paths)
    def rename(self, old: Path, new: Path) -> None:
        """Move a file or a directory."""
        result = self.call(("renameat2", AT_FDCWD, self.name(old), AT_FDCWD, self.name(new), 0))[0]
        self.agree(result, lambda: self.model.rename(old, new))

    @rule(path=paths, offset=offsets)
    def read(self, path: Path, offset: int) -> None:
        """Read some bytes."""
        try:
            self.model.file(path)
        except Refused as refused:
            wanted = refused.errno
            opened, error = self.call(
                ("openat", AT_FDCWD, self.name(path), 0, 0), ("pread64", Ref(0), Pointer(Out(SHOWN)), SHOWN, offset),
                produces={0: (Produces("file"),)},
            )
            self.agree(opened if opened < 0 else error, lambda: -wanted)
        else:
            self.compare(path, offset)

    def compare(self, path: Path, offset: int) -> None:
        """A file's bytes at an offset must be the model's: lseek() to each four of them returns them."""
        words = tuple(Produces("address", 1, 4 * n, 4) for n in range(SHOWN // 4))
        results = self.call(
            ("openat", AT_FDCWD, self.name(path), 0, 0), ("pread64", Ref(0), Pointer(Out(SHOWN)), SHOWN, offset),
            *(("lseek", Ref(0), Ref(1 + n), 0) for n in range(len(words))), produces={0: (Produces("file"),), 1: words},
        )
        wanted = bytes(self.model.file(path).data[offset : offset + SHOWN])
        self.agree(results[1], lambda: len(wanted))
        whole = len(wanted) // 4 * 4
        found = b"".join(word.to_bytes(4, "little") for word in results[2 : 2 + whole // 4])
        assert found == wanted[:whole], f"{'/'.join(path)} holds {found!r} at {offset}, not {wanted[:whole]!r}"

    @rule()
    def evict(self) -> None:
        """Write everything out, and drop the caches."""
        self.call(
            ("sync",), ("openat", AT_FDCWD, Text(b"/proc/sys/vm/drop_caches"), O_WRONLY, 0),
            ("write", Ref(0), Pointer(Raw(b"3\n")), 2), produces={1: (Produces("file"),)},
        )

    @initialize()
    def begin(self) -> None:
        """Have something to work on."""
        self.mkdir(("a",))
        self.create(("b",), False)

    @invariant()
    def status(self) -> None:
        """Sizes, numbers of links and of entries are the model's, all over the tree."""
        layout = self.description.headers.struct("stat")
        assert layout is not None
        size, links = layout.field("st_size"), layout.field("st_nlink")
        stat = (Produces("address", 2, size.offset, 8), Produces("address", 2, links.offset, 4))
        room = Pointer(Array((Out(layout.size),)))
        for path, node in [((), self.model.root), *walk(self.model.root)]:
            opened, error, _, *shown = self.call(
                ("openat", AT_FDCWD, self.name(path), 0, 0), ("newfstatat", AT_FDCWD, self.name(path), room, 0),
                ("openat", AT_FDCWD, Text(b"h"), O_RDWR | O_CREAT, 0o600),
                ("lseek", Ref(3), Ref(1), 0), ("lseek", Ref(3), Ref(2), 0),
                ("getdents64", Ref(0), Pointer(Out(600)), 600),
                produces={0: (Produces("file"),), 1: stat, 2: (Produces("file"),)},
            )
            wanted = [len(node.data), node.links, -errno.ENOTDIR] if isinstance(node, File) else [
                shown[0], node.links, NAME * (2 + len(node.entries))]
            assert opened >= 0
            assert error == 0
            if isinstance(node, File):
                self.compare(path, max(0, len(node.data) - SHOWN))
            assert shown == wanted, f"/{'/'.join(path)}: size, links, bytes of entries are {shown}, not {wanted}"


def said(result: int) -> str:
    """A result for people."""
    return f"{result} ({errno.errorcode.get(-result, '?')})" if result < 0 else str(result)


def walk(directory: Directory, above: Path = ()) -> Iterator[tuple[Path, File | Directory]]:
    """All that is below a directory."""
    for name, node in directory.entries.items():
        yield (*above, name), node
        if isinstance(node, Directory):
            yield from walk(node, (*above, name))


def explore(kernel: Kernel, description: Description, profile: Profile, place: str) -> None:
    """Let Hypothesis drive the kernel and the model."""
    def run(program: Program) -> tuple[int, ...]:
        before = kernel.memory.head().calls
        outcome = kernel.run(description.encoder.program(program), 1)
        assert outcome == 1, f"the kernel is lost: {outcome}"
        return kernel.memory.results(before, kernel.memory.head().calls - before)

    class Machine(Files):
        pass

    Machine.run, Machine.description, Machine.place = staticmethod(run), description, place
    for some in profile.parts():
        run_state_machine_as_test(Machine, settings=some.settings(f"files{place.replace('/', '-')}"))


def test_tmpfs(config: KernelConfig, description: Description, profile: Profile) -> None:
    """Files in memory are as the model says."""
    with Kernel(config) as kernel:
        mount = Program((
            Call("mkdirat", (AT_FDCWD, Text(MEMORY.encode()), 0o755)),
            Call("mount", (Text(b"none"), Text(MEMORY.encode()), Text(b"tmpfs"), 0, 0)),
        ))
        assert kernel.run(description.encoder.program(mount), 1) == 1
        assert kernel.memory.results(0, 2) == (0, 0)
        explore(kernel, description, profile, MEMORY)


def test_ext4(config: KernelConfig, description: Description, profile: Profile, tmp_path: HostPath) -> None:
    """Files on a disk are as the model says, before and after the caches are dropped."""
    mkfs = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if mkfs is None:
        pytest.skip("needs mkfs.ext4: apt-get install e2fsprogs")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    made = process.run([mkfs, "-q", "-F", image], timeout=60, merge=True)
    assert made.ok, made.output.decode()
    with Kernel(replace(config, disk=Disk(image, "ext4"))) as kernel:
        explore(kernel, description, profile, "/disk")
