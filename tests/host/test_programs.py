"""The programs of the host, and the packages that `make` installs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest.host import programs

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/system-packages"
INSTALLED = re.findall(r"^want (?:required|optional) (?:\S+) (.+)$", SCRIPT.read_text(), re.MULTILINE)
BESIDES = {"mawk", "nodejs", "libc6-dev"}  # in every Debian; npm's own; gcc's line has it
DEBUGGERS = {"gdb", "valgrind", "strace"}  # for those who ask for them
GROUPS = ("FETCH", "BUILD", "PATCH", "PROGRAMS", "DISKS", "OTHERS", "KCONFIG")


@pytest.mark.parametrize("group", GROUPS)
def test_the_packages_of_suites_are_installed_by_make(group: str) -> None:
    """scripts/system-packages has the package of each program that a suite, or a kernel's build, needs."""
    packages = {need.package for need in getattr(programs, group)} - BESIDES - DEBUGGERS
    assert packages <= {word for words in INSTALLED for word in words.split()}


@pytest.mark.parametrize(("name", "package"), [
    ("gcc", "gcc"), ("gcc-13", "gcc-13"), ("clang", "clang"), ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"), ("riscv64-linux-gnu-gcc-12", "gcc-12-riscv64-linux-gnu"),
    ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
])  # fmt: skip
def test_a_compiler_that_is_named_has_its_own_package(name: str, package: str) -> None:
    """The cure of a missing compiler, of this machine or another one, is the package that has it."""
    assert programs.compiler(name, "compiling").package == package
