"""Rebuilding trees with makefiles of every kind: what was not made again is told."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import liblkl
from lkltest.errors import BuildError, Exit, UsageError
from lkltest.liblkl import cmdfiles
from lkltest.settings import Settings
from tests.liblkl.test_rebuild import MAIN
from tests.liblkl.tiny import Heard, Shape, write_headers

# kbuild takes .config over by its time, and not for `install`; what is compiled depends on its prerequisites.
CONFIGURE = """
defconfig:
	echo CONFIG_64BIT=y >.config
olddefconfig:
	test -f .config
include/config/auto.conf: .config
	mkdir -p include/config
	cp .config $@
"""
COMPILE = """
all: include/config/auto.conf lkl.o
init/main.o: init/main.c include/linux/a.h
	gcc -g -fPIC -Iinclude -c init/main.c -o $@
lkl.o: init/main.o
	ld -r init/main.o -o $@
"""
COPY = """
install:
	cp lkl.o $(INSTALL_PATH)lib/lkl.o
"""
G3 = CONFIGURE + COMPILE + COPY  # `install` compiles nothing
G2 = CONFIGURE + COMPILE.replace("all:", "both:") + COPY.replace("install:", "install: both")
# As 4.20 to 6.1 have it: `install` compiles, takes no .config over, and has other flags than `all`.
G6 = """
defconfig olddefconfig:
	test -f .config
syncconfig:
	mkdir -p include/config
	cp .config include/config/auto.conf
all:
	false
install: lkl.o
	cp lkl.o $(INSTALL_PATH)lib/lkl.o
""" + COMPILE.replace("all: include/config/auto.conf lkl.o", "")

LIBRARY = """
OUT := $(CURDIR)/
KCONFIG ?= defconfig
$(OUT)liblkl.a: $(OUT)lib/lkl.o
	ar rc $@ $^
$(OUT)lib/liblkl.so: $(OUT)lib/lkl.o
	gcc -shared $^ -o $@
"""
TOOLS = LIBRARY + """
all: $(OUT)liblkl.a $(OUT)lib/liblkl.so
$(OUT)lib/lkl.o:
	$(MAKE) -C ../.. ARCH=lkl defconfig
	$(MAKE) -C ../.. ARCH=lkl install INSTALL_PATH=$(OUT)
"""
BROKEN_TEST = LIBRARY + """
all: $(OUT)tests/boot $(OUT)liblkl.a $(OUT)lib/liblkl.so
$(OUT)tests/boot: tests/boot.c
	gcc tests/boot.c -o $@
"""
FORCED = TOOLS.replace("lkl.o:\n", "lkl.o: FORCE\n") + ".PHONY: FORCE\nFORCE:\n"
REPLACES = TOOLS.replace("all:", "all: configured") + "configured:\n\techo CONFIG_OTHER=y >../../.config\n"

Build = Callable[..., Path]


@pytest.fixture
def building(own: Settings) -> Settings:
    """Settings with --lkl-build."""
    return replace(own, build=True)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that was built, for the tests to copy."""
    directory = tmp_path_factory.mktemp("tree")
    root = directory / "linux"
    files = {"Kconfig": "", "Kbuild": "", "Makefile": G3, "tools/lkl/Makefile": TOOLS, "tools/lkl/lib/Build": "",
             "init/main.c": MAIN.replace("VERSION", "6.6.0"), "include/linux/a.h": "",
             "tools/lkl/tests/boot.c": "int main(void) { return missing(); }\n",
             ".config": "CONFIG_64BIT=y\n"}  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    write_headers(root / "tools/lkl/include", Shape(version="6.6.0"))
    liblkl.prepare(root, Settings(cache=directory / "cache", build=True))
    return root


@pytest.fixture
def built(tmp_path: Path, tree: Path) -> Build:
    """Make a tree with these makefiles, built once with good ones."""

    def make(kernel: str = G3, tools: str = TOOLS) -> Path:
        root = shutil.copytree(tree, tmp_path / "linux")
        for name, text in (("Makefile", kernel), ("tools/lkl/Makefile", tools)):
            (root / name).write_text(text)
            os.utime(root / name, (0, 0))
        age(root)
        return root

    return make


def age(root: Path) -> None:
    """Make everything in a tree ten seconds older."""
    for path in root.rglob("*"):
        if path.is_file():
            about = path.stat()
            os.utime(path, (about.st_atime, max(0.0, about.st_mtime - 10)))


def edit(root: Path, version: str = "6.6.0-mine") -> None:
    """Change the version in the kernel's only source."""
    (root / "init/main.c").write_text(MAIN.replace("VERSION", version))


@pytest.mark.parametrize("kernel", [G2, G3, G6], ids=["install compiles", "install copies", "install alone"])
@pytest.mark.parametrize("tools", [TOOLS, FORCED], ids=["", "FORCE"])
def test_a_changed_source_is_in_the_library(built: Build, building: Settings, kernel: str, tools: str) -> None:
    """Whatever `install` does, the library is of the source that is there; the user's .config stays."""
    root = built(kernel, tools)
    (root / ".config").write_text("CONFIG_64BIT=y\nCONFIG_MINE=y\n")
    edit(root)
    again = liblkl.prepare(root, building)
    assert again.version == "6.6.0-mine"
    assert "CONFIG_MINE=y" in (root / ".config").read_text()
    assert liblkl.stale(again) is None


@pytest.mark.parametrize("kernel", [G2, G3, G6], ids=["install compiles", "install copies", "install alone"])
def test_an_edited_configuration_is_taken_over(built: Build, building: Settings, kernel: str) -> None:
    """A library of another configuration than .config is stale, and a rebuild takes the options over."""
    root = built(kernel)
    assert liblkl.stale(liblkl.find(root, building)) is None
    kept = (root / ".config").stat()
    (root / ".config").write_text("CONFIG_64BIT=y\nCONFIG_MINE=y\n")
    os.utime(root / ".config", (kept.st_atime, kept.st_mtime))  # as `cp -p` leaves it
    assert "CONFIG_MINE changed since" in str(liblkl.stale(liblkl.find(root, building)))
    liblkl.prepare(root, building)
    assert "CONFIG_MINE=y" in (root / "include/config/auto.conf").read_text()


def test_nothing_is_built_where_nothing_changed(built: Build, building: Settings, heard: Heard) -> None:
    """A library that is newer than everything is taken as it is."""
    root = built()
    liblkl.prepare(root, building, heard)
    assert heard.said == []


NO_PREREQUISITES = G3.replace("main.o: init/main.c include/linux/a.h", "main.o:")


@pytest.mark.parametrize(("kernel", "told"), [
    (NO_PREREQUISITES, r"init/main\.o is older than \S*init/main\.c"),
    (G3.replace("lkl.o: init/main.o", "lkl.o:").replace("all:", "all: init/main.o"),
     r"lkl\.o is older than \S*init/main\.o"),
    (G3.replace("all: include/config/auto.conf", "all:"), r"auto\.conf does not have CONFIG_MINE"),
    (G3.replace("\tcp lkl.o", "\t: lkl.o"), r"there is no \S*lib/lkl\.o"),
    (G3.replace("\tcp lkl.o", "\tcp old.o"), "has the banner"),
    (G3.replace("\tcp lkl.o", "\tcp -p old.o"), r"lib/lkl\.o is older than \S*lkl\.o, from which"),
], ids=["object", "kernel", "configuration", "nothing installed", "another kernel", "an old kernel"])  # fmt: skip
def test_what_was_not_rebuilt_is_told(built: Build, building: Settings, kernel: str, told: str) -> None:
    """Makefiles that make nothing new are an error that says what; the old library stays, and is still stale."""
    root = built(kernel)
    before = (root / "tools/lkl/liblkl.a").read_bytes()
    (root / "old.o").write_bytes((root / "lkl.o").read_bytes())
    (root / ".config").write_text("CONFIG_64BIT=y\nCONFIG_MINE=y\n")
    edit(root)
    with pytest.raises(UsageError, match=told) as caught:
        liblkl.prepare(root, building)
    assert caught.value.exit_code == Exit.USAGE
    assert (root / "tools/lkl/liblkl.a").read_bytes() == before
    assert not list((root / "tools/lkl").rglob(".*before"))
    assert liblkl.stale(liblkl.find(root, building)) is not None


def test_a_compile_error_leaves_the_old_library(built: Build, building: Settings) -> None:
    """A kernel that does not compile ends with 125; the library of before is there, and stale."""
    root = built()
    (root / "init/main.c").write_text("int broken(\n")
    with pytest.raises(BuildError) as caught:
        liblkl.prepare(root, building)
    assert caught.value.exit_code == Exit.DOES_NOT_BUILD
    kernel = liblkl.find(root, building)
    assert kernel.version == "6.6.0"
    assert "init/main.c was changed" in str(liblkl.stale(kernel))


def test_a_library_that_does_not_link_leaves_the_old_one(built: Build, building: Settings) -> None:
    """A host's part that does not compile ends with 125, too, and the library of before comes back."""
    root = built(tools=TOOLS.replace("\tar rc", "\tfalse"))
    edit(root)
    with pytest.raises(BuildError) as caught:
        liblkl.prepare(root, building)
    assert caught.value.exit_code == Exit.DOES_NOT_BUILD
    assert liblkl.find(root, building).version == "6.6.0"


def test_a_broken_test_of_the_tree_is_no_broken_kernel(built: Build, building: Settings, heard: Heard) -> None:
    """A library is built where a test program beside it does not link; that is told, with the first error."""
    root = built(tools=BROKEN_TEST)
    edit(root)
    assert liblkl.prepare(root, building, heard).version == "6.6.0-mine"
    assert any(re.search("something else in .* is not: .*missing", text) for text in heard.said)


def test_a_makefile_that_replaces_the_configuration(built: Build, building: Settings) -> None:
    """A .config that the tree's makefile throws away is put back, and the build is an error."""
    root = built(tools=REPLACES)
    edit(root)
    with pytest.raises(UsageError, match="has replaced"):
        liblkl.prepare(root, building)
    assert (root / ".config").read_text() == "CONFIG_64BIT=y\n"
    assert liblkl.find(root, building).version == "6.6.0"


def record(root: Path, made: str, *read: str) -> None:
    """Write kbuild's record of an object."""
    path = root / made
    names = " \\\n".join(f"  {name}" for name in read)
    path.with_name(f".{path.name}.cmd").write_text(f"cmd_{made} := gcc -c\n\ndeps_{made} := \\\n{names} \\\n\n")


@pytest.mark.parametrize("linked", [True, False])
def test_headers_are_proved_by_the_records_of_objects(built: Build, building: Settings, linked: bool) -> None:
    """An object that was not made again for its header is told, but not one of an option that is off by now."""
    root = built(NO_PREREQUISITES)
    (root / "fs").mkdir()
    (root / "fs/off.o").write_text("left over")
    record(root, "fs/off.o", "fs/off.c", "include/linux/b.h", "$(wildcard include/config/OFF)")
    if linked:
        record(root, "init/main.o", "init/main.c", "include/linux/b.h")
    age(root)
    (root / "include/linux/b.h").write_text("")
    if linked:
        with pytest.raises(UsageError, match=r"init/main\.o is older than \S*include/linux/b\.h"):
            liblkl.prepare(root, building)
    else:
        liblkl.prepare(root, building)


def test_a_killed_build_leaves_no_second_library(built: Build, building: Settings) -> None:
    """A library that a killed run has set aside is taken away by the next one."""
    root = built()
    (root / "tools/lkl/liblkl.a").rename(root / "tools/lkl/.liblkl.a.lkltest-before")
    edit(root)
    assert liblkl.prepare(root, building).version == "6.6.0-mine"
    assert not list((root / "tools/lkl").rglob(".*before"))


@pytest.mark.parametrize(("text", "good"), [
    ("# cannot find fixdep (x)\n# using basic dep data\n\n/t/a.o: a.c \\\n b.h\n\ncmd_/t/a.o := gcc -c\n", True),
    ("cmd_a.o := gcc\n\nsource_a.o := a.c\n\ndeps_a.o := \\\n  a.h \\\n\na.o: $(deps_a.o)\n\n$(deps_a.o):\n", True),
    ("", True),
    ("\\# cannot find fixdep (/t/fixdep)\n\\# using basic dep data\n\na.o: a.c\n", False),
    ("a.o: a.c\n\\# using := x\n", False),
    ("a.o: a.c \\\n b.h\nb.c\n", False),
])  # fmt: skip
@pytest.mark.parametrize("place", ["lib", "tests", "../perf/util"])
def test_removes_records_that_make_cannot_read(tmp_path: Path, text: str, good: bool, place: str) -> None:
    """Records that make ends at ("missing separator") go, wherever they are under tools/; all others stay."""
    file = tmp_path / "tools/lkl" / place / ".a.o.cmd"
    (tmp_path / "tools/lkl").mkdir(parents=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    cmdfiles.remove_unreadable(tmp_path / "tools")
    assert file.exists() is good


def test_an_unreadable_record_does_not_stop_a_rebuild(built: Build, building: Settings) -> None:
    """A tree of before 4.17 is built a second time, whose makefile reads all its records."""
    root = built(tools=TOOLS + "-include tests/.a.o.cmd\n")
    (root / "tools/lkl/tests/.a.o.cmd").write_text("\\# cannot find fixdep (fixdep)\n")
    edit(root)
    assert liblkl.prepare(root, building).version == "6.6.0-mine"


def test_a_source_of_tomorrow_is_proved_by_what_was_made_of_it(built: Build, building: Settings) -> None:
    """A clock that is ahead does not make a build that compiled everything an error."""
    root = built(NO_PREREQUISITES.replace("main.o:", "main.o: FORCE") + "FORCE:\n")
    edit(root)
    tomorrow = time.time() + 86400
    os.utime(root / "init/main.c", (tomorrow, tomorrow))
    assert liblkl.prepare(root, building).version == "6.6.0-mine"


UML = """
ifneq ($(ARCH)$(UMMODE)$(SUBARCH),umWORD)
$(error please make ARCH=um WORD)
endif
all: vmlinux
	mkdir -p tools/um/lib
	test ! -e vmlinux.a || cp vmlinux.a vmlinux
	cp vmlinux vmlinux.a
	cp vmlinux tools/um/lib/linux.o
	ar rc tools/um/liblinux.a tools/um/lib/linux.o
defconfig:
	echo CONFIG_64BIT=y >.config
olddefconfig:
	test -f .config
include/config/auto.conf: .config
	mkdir -p include/config
	cp .config $@
vmlinux: init/main.c include/config/auto.conf
	gcc -g -fPIC -c init/main.c -o init/main.o
	ld -r init/main.o -o vmlinux
"""


@pytest.fixture(params=["library", "lkl"])
def library_mode(request: pytest.FixtureRequest, tmp_path: Path, building: Settings) -> Path:
    """A tree of each form of UML's library mode, built once."""
    reads = {"library": "ifeq ($(UMMODE),library)\n", "lkl": "ifeq ($(SUBARCH),lkl)\n"}
    root = tmp_path / "linux"
    write_headers(root / "tools/um/include", Shape(version="5.10.0", autoconf=False))
    files = {"Kconfig": "", "Kbuild": "", "Makefile": UML.replace("WORD", request.param),
             "arch/um/Makefile": reads[request.param], "init/main.c": MAIN.replace("VERSION", "5.10.0")}  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert liblkl.prepare(root, building).version == "5.10.0"
    age(root)
    return root


def test_builds_the_library_mode_of_uml(library_mode: Path, building: Settings) -> None:
    """Each form is built by its own words, twice: a vmlinux.a of before does not come back."""
    edit(library_mode, "5.10.0-mine")
    assert liblkl.prepare(library_mode, building).version == "5.10.0-mine"


def test_a_library_mode_that_lost_a_file_is_built(library_mode: Path, building: Settings, heard: Heard) -> None:
    """Nothing is built where nothing changed, nor for a vmlinux.a that is gone; the library itself is made again."""
    (library_mode / "vmlinux.a").unlink()
    liblkl.prepare(library_mode, building, heard)
    assert heard.said == []
    (library_mode / "tools/um/liblinux.a").unlink()
    assert liblkl.prepare(library_mode, building, heard).library.is_file()
    assert heard.said


def test_a_compile_error_in_a_library_mode(library_mode: Path, building: Settings) -> None:
    """The build ends with 125; the library of before is there and stale until the source is good again."""
    (library_mode / "init/main.c").write_text("int broken(\n")
    with pytest.raises(BuildError, match=r"init/main\.c:1:1: error:") as caught:
        liblkl.prepare(library_mode, building)
    assert caught.value.exit_code == Exit.DOES_NOT_BUILD
    kernel = liblkl.find(library_mode, building)
    assert kernel.version == "5.10.0"
    assert "init/main.c was changed" in str(liblkl.stale(kernel))
    edit(library_mode, "5.10.0-mended")
    assert liblkl.prepare(library_mode, building).version == "5.10.0-mended"


def test_an_edited_configuration_of_a_library_mode(library_mode: Path, building: Settings) -> None:
    """An option that was switched is in auto.conf afterwards, or the build is an error that names it."""
    (library_mode / ".config").write_text("CONFIG_64BIT=y\nCONFIG_MINE=y\n")
    assert "CONFIG_MINE changed since" in str(liblkl.stale(liblkl.find(library_mode, building)))
    liblkl.prepare(library_mode, building)
    assert "CONFIG_MINE=y" in (library_mode / "include/config/auto.conf").read_text()
    age(library_mode)
    makefile = library_mode / "Makefile"
    makefile.write_text(makefile.read_text().replace("\tcp .config", "\t: .config"))
    (library_mode / ".config").write_text("CONFIG_64BIT=y\n")
    with pytest.raises(UsageError, match=r"auto\.conf does not have CONFIG_MINE"):
        liblkl.prepare(library_mode, building)
