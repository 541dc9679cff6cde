"""A file that should be a UML is judged before it is run."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.settings import Settings
from lkltest.uml import Uml, find, inspect
from lkltest.uml.executable import check_machine, read


@pytest.fixture
def copy(uml: Uml, tmp_path: Path) -> Path:
    """A copy of the UML to spoil."""
    return Path(shutil.copy(uml.path, tmp_path / "linux"))


def refusal(path: Path) -> str:
    """The error that `inspect` raises for a file."""
    with pytest.raises(UsageError) as refused:
        inspect(path)
    return str(refused.value)


def test_version_and_banner(uml: Uml) -> None:
    """The version in the name is the banner's, whose last part is the date of the build."""
    assert uml.name == f"uml-{uml.version}"
    assert uml.banner.startswith(f"Linux version {uml.version} (")
    assert uml.banner.partition(") #")[2][0].isdigit()


def test_x_bit_taken_away(copy: Path) -> None:
    """A UML without its executable bit is refused, and chmod is named: root needs the bit as well."""
    copy.chmod(0o644)
    assert "is not executable: chmod +x" in refusal(copy)


@pytest.mark.parametrize(("number", "name"), [
    (183, "aarch64"), (243, "EM_RISCV of 64 bits"), (3, "EM_386 of 64 bits"), (62 << 8, "15872 of 64 bits"),
])  # fmt: skip
def test_another_machine(copy: Path, number: int, name: str) -> None:
    """An ELF of another machine is refused by the names of both; one of i386 has 32 bits, or nothing runs it."""
    with copy.open("r+b") as file:
        file.seek(18)  # e_machine
        file.write(struct.pack("<H", number))
    assert f"is for {name}, and this machine is" in refusal(copy)
    with pytest.raises(UsageError):
        check_machine(read(copy))


def test_damaged_header(copy: Path) -> None:
    """A header that sends its reader to no place in the file, as the other byte order does, is called damaged."""
    with copy.open("r+b") as file:
        file.seek(5)  # EI_DATA
        file.write(b"\x02")
    assert "is a damaged or truncated ELF file" in refusal(copy)


@pytest.mark.parametrize("left", [0, 3, 5, 40, 80, 5000, 5_000_000])
def test_truncated(copy: Path, left: int) -> None:
    """A truncated file is refused, wherever it was cut."""
    with copy.open("r+b") as file:
        file.truncate(left)
    assert "truncated" in refusal(copy) or "not an ELF" in refusal(copy)


def test_truncated_without_section_headers(copy: Path) -> None:
    """A file that lacks a part of its segments is refused even if nothing else is wrong with it."""
    with copy.open("r+b") as file:
        file.seek(40)
        file.write(struct.pack("<Q", 0))  # e_shoff
        file.seek(60)
        file.write(struct.pack("<HH", 0, 0))  # e_shnum, e_shstrndx
        file.truncate(5_000_000)
    assert "is truncated: it has 5,000,000 bytes of" in refusal(copy)


@pytest.mark.parametrize(("path", "why"), [
    ("/nonexistent/linux", "no UML at"), ("/", "is not a file"), ("/bin/sh", "not a Linux kernel"),
    (__file__, "is not an ELF file"),
])  # fmt: skip
def test_something_else(path: str, why: str) -> None:
    """A file that is no UML is refused, and the error says which kind of file it is."""
    assert why in refusal(Path(path))


def test_a_liblkl_is_not_a_uml(liblkl: object) -> None:
    """A library with a kernel in it is told from a UML."""
    shared = getattr(liblkl, "shared", None)
    if shared is None:
        pytest.skip("this liblkl has no shared library: build one with make -C tools/lkl shared")
    assert "is a Linux kernel, but not a UML" in refusal(shared)


def test_none_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the package where no UML is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get install user-mode-linux"):
        find(None, Settings.load({}, environment={}))
