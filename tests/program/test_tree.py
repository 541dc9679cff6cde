"""The programs of a kernel tree's own tests, as its makefiles list them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.program import tree

MAIN = "int main(void) { return 0; }\n"


def write(folder: Path, **files: str) -> Path:
    """Write C files."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.c").write_text(text)
    return folder


def listed(folder: Path, *host: str) -> dict[str, list[str]]:
    """The programs with the names of their sources."""
    return {name: [s.stem for s in sources] for name, sources in tree.programs(folder, frozenset(host)).items()}


def test_what_is_common_to_all_tests_is_linked_with_each(tmp_path: Path) -> None:
    """An object list without a main is no program, but a part of all of them; none is linked twice."""
    folder = write(tmp_path / "tests", boot=MAIN, disk=MAIN, cla="/* main() */ int cla;\n", test="int test;\n")
    (folder / "Build").write_text("tests-common-y += cla.o test.o\nboot-y += boot.o\ndisk-y := \\\n disk.o cla.o\n")
    assert listed(folder) == {"boot": ["boot", "cla", "test"], "disk": ["disk", "cla", "test"]}


@pytest.mark.parametrize(("host", "expected"), [((), ["boot"]), (("POSIX",), ["boot", "posix"])])
def test_objects_of_some_hosts_only(tmp_path: Path, host: tuple[str, ...], expected: list[str]) -> None:
    """An object that the makefile lists for a kind of host is taken where the library was configured for it."""
    folder = write(tmp_path / "tests", boot=MAIN, posix="int x;\n", pci=MAIN)
    (folder / "Build").write_text("boot-y += boot.o # test.o\nboot-$(LKL_HOST_CONFIG_POSIX) += posix.o\n"
                                  "pci-$(LKL_HOST_CONFIG_VFIO_PCI) += pci.o\n")
    assert listed(folder, *host) == {"boot": expected}


def test_the_makefile_of_kselftest(tmp_path: Path) -> None:
    """UML's library mode has its tests under kselftest: one source a program, and others compiled with each."""
    folder = write(tmp_path / "um", boot=MAIN, disk=MAIN, test="int test;\n", cla="int cla;\n", other="int other;\n")
    (folder / "Makefile").write_text("CFLAGS += test.c\nTEST_GEN_PROGS := boot disk gone\n$(OUTPUT)/disk: cla.c\n"
                                     "include ../lib.mk\n")
    assert listed(folder) == {"boot": ["boot", "test", "cla"], "disk": ["disk", "test", "cla"]}


def test_a_program_without_its_sources_is_none(tmp_path: Path) -> None:
    """Objects that the makefile lists and the tree lacks are left out, and so is a tree without any makefile."""
    folder = write(tmp_path / "tests", boot=MAIN)
    assert listed(folder) == {}
    (folder / "Build").write_text("boot-y += boot.o\nbroken-y += gone.o\n")
    tree.programs.cache_clear()
    assert listed(folder) == {"boot": ["boot"]}
