"""The programs that a tree builds beside its library, and why one is not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import liblkl
from lkltest.errors import UsageError
from lkltest.liblkl import Liblkl
from lkltest.liblkl.model import Generation
from lkltest.program.applications import built_program
from lkltest.settings import Settings

TARGETS = """
libs-y += lib/liblkl
ifneq ($(LKL_HOST_CONFIG_BSD),y)
libs-$(LKL_HOST_CONFIG_POSIX) += lib/hijack/liblkl-hijack
endif
ifeq ($(LKL_HOST_CONFIG_MMU),y)
progs-y += mmu
else
progs-y += flat
endif
progs-$(LKL_HOST_CONFIG_FUSE) += lklfuse
LDLIBS_lklfuse-y := -lfuse3
progs-$(LKL_HOST_CONFIG_ARCHIVE) += fs2tar \\
	cptofs
"""


@pytest.fixture
def kernel(make_tree: Callable[..., Path], own: Settings) -> Liblkl:
    """A kernel whose tree lists programs."""
    root = make_tree()
    (root / "tools/lkl/Targets").write_text(TARGETS)
    return liblkl.find(root, own)


@pytest.mark.parametrize(("name", "host", "told"), [
    ("lib/hijack/liblkl-hijack.so", ("POSIX",), "is not built: run make -C"),
    ("lib/hijack/liblkl-hijack.so", ("POSIX", "BSD"), "for LKL_HOST_CONFIG_BSD not set only"),
    ("lklfuse", ("POSIX",), "install libfuse3-dev, then make -C"),
    ("cptofs", ("POSIX",), "install libarchive-dev, then make -C"),
    ("cptofs", ("POSIX", "ARCHIVE"), "is not built: run make -C"),
    ("mmu", (), "for LKL_HOST_CONFIG_MMU set only"),
    ("flat", ("MMU",), "for LKL_HOST_CONFIG_MMU not set only"),
    ("gone", (), "Targets does not list it"),
])  # fmt: skip
def test_why_a_program_is_not_there(kernel: Liblkl, name: str, host: tuple[str, ...], told: str) -> None:
    """Each reason that the makefile can have is told with its own next step."""
    with pytest.raises(UsageError, match=told):
        built_program(replace(kernel, host=frozenset(host)), name)


def test_uml_as_a_library_has_no_applications(kernel: Liblkl) -> None:
    """Nobody is told to build in tools/lkl what UML's library mode does not have."""
    with pytest.raises(UsageError, match="no cptofs: UML's library mode has no such applications"):
        built_program(replace(kernel, generation=Generation.UML), "cptofs")


def test_a_program_with_an_older_kernel_is_none(kernel: Liblkl) -> None:
    """A program that was linked with the library of before would test the kernel of before."""
    assert kernel.output is not None
    path = kernel.output / "tools/lkl/cptofs"
    path.write_text("")
    os.utime(path, (0, kernel.built + 1))
    assert built_program(kernel, "cptofs") == path
    os.utime(path, (0, kernel.built - 1))
    with pytest.raises(UsageError, match="has an older kernel: run make -C"):
        built_program(kernel, "cptofs")


def test_a_kernel_without_a_tree_has_no_programs(kernel: Liblkl) -> None:
    """An installed library is told to need its tree."""
    with pytest.raises(UsageError, match="pass --lkl a whole LKL tree"):
        built_program(replace(kernel, output=None, tests=None), "cptofs")
