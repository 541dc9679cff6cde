"""The description of one liblkl."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class Generation(enum.Enum):
    """The shape of the library's entry points."""

    G1 = "G1"  # lkl_start_kernel(&lkl_host_ops, mem_bytes, fmt, ...): up to about Linux 4.10
    G2 = "G2"  # lkl_start_kernel(&lkl_host_ops, fmt, ...): 4.11 to about 6.1
    G3 = "G3"  # lkl_init(&lkl_host_ops), lkl_start_kernel(fmt, ...), lkl_cleanup()
    UML = "UML"  # as G2, in the UML library mode of the RFC: tools/um


@dataclass(frozen=True)
class Liblkl:
    """One built liblkl: its files, and the facts that were read from them.

    All facts come from headers and symbols, none from a version number.
    """

    name: str  # part of the ids of test items: "lkl-4.9.0"
    path: Path  # what the user named, or the cache's directory
    origin: str  # where it is from, for people: "npm lkl@1.0.3", "--lkl /src/linux"
    version: str  # of the kernel: "4.9.0+"
    generation: Generation
    machine: str  # ELF machine of the library: "x86-64", "aarch64"
    static: Path | None  # liblkl.a (liblinux.a)
    shared: Path | None  # liblkl.so (linux.o has no shared form)
    include: tuple[Path, ...]  # directories with lkl.h, lkl_host.h, lkl/
    cflags: tuple[str, ...]  # what programs must be compiled with, without the -I of `include`
    libs: tuple[str, ...]  # libraries to link after liblkl: "-lpthread", "-lrt"
    root: Path | None  # the kernel tree's root, where there is one
    tests: Path | None  # the tree's own tests (tools/lkl/tests), where it has them
    built: float  # when the library was written, in seconds since the epoch
    symbols: frozenset[str]  # functions that the library defines
    config: frozenset[str]  # CONFIG_ options that are set, where the tree tells; empty where it does not
    output: Path | None = None  # where the tree was built: `root` itself, or the directory given with O=
    host: frozenset[str] = frozenset()  # the host's part, as it was configured: "POSIX", "VIRTIO_NET", "VFIO_PCI"
    inlines: frozenset[str] = frozenset()  # functions that only the headers define: "lkl_sys_open" from G2 on
    undefined: frozenset[str] = frozenset()  # symbols that the programs which link the library must define
    notes: tuple[str, ...] = ()  # what its user should know: "no debug information: ..."

    def has(self, function: str) -> bool:
        """Whether programs can call a function, be it the library's or an inline of its headers."""
        return function in self.symbols or function in self.inlines

    linked: ClassVar[bool] = True

    @property
    def file(self) -> Path:
        """The library."""
        return self.library

    @property
    def kind(self) -> str:
        """The generation, for people."""
        return self.generation.value

    @property
    def kasan(self) -> bool:
        """Whether it was built with KASAN, by its configuration or its symbols.

        Some trees have lkl_kasan_init() without KASAN, too: it counts only where the configuration is not known.
        """
        harmless = {"lkl_kasan_init"} if self.config else set()
        return "CONFIG_KASAN" in self.config or any("kasan" in symbol for symbol in self.symbols - harmless)

    @property
    def instrumented(self) -> str:
        """The compiler's option by which the kernel reports coverage: "trace-pc"; empty where it does not."""
        prefix = "__sanitizer_cov_trace_"
        calls = {symbol.removeprefix(prefix) for symbol in self.undefined if symbol.startswith(prefix)}
        kinds = {"trace-cmp" if "cmp" in call or call == "switch" else f"trace-{call}" for call in calls}
        return ", ".join(sorted(kind.replace("_", "-") for kind in kinds))

    @property
    def library(self) -> Path:
        """The library that programs are linked with: the static one where there is one."""
        library = self.static or self.shared
        assert library is not None
        return library
