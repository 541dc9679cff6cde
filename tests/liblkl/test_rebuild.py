"""Trees that are older than their sources, and building them again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cli, liblkl
from lkltest.errors import BuildError, Exit, UsageError
from lkltest.liblkl import build_default, build_tree
from lkltest.settings import Settings
from tests.liblkl.tiny import Heard, Shape, write_headers

Make = Callable[..., Path]

# What kbuild and tools/lkl of a G2 tree do, as far as a rebuild can see: the kernel's part is only made where
# lib/lkl.o is gone, and by a rule that begins with `make defconfig`.
KERNEL = """
ifneq ($(O),)
OBJ := $(O)
else
OBJ := .
endif
defconfig:
	echo CONFIG_64BIT=y >$(OBJ)/.config
olddefconfig:
	test -f $(OBJ)/.config
	echo "# by olddefconfig" >>$(OBJ)/.config
install:
	@echo "  CC      init/main.o"
	gcc -g -fPIC -c init/main.c -o $(INSTALL_PATH)lib/main.o
	ld -r $(INSTALL_PATH)lib/main.o -o $(INSTALL_PATH)lib/lkl.o
"""

TOOLS = """
ifneq ($(O),)
OUT := $(O)/tools/lkl/
else
OUT := $(CURDIR)/
endif
all: $(OUT)liblkl.a $(OUT)lib/liblkl.so
$(OUT)lib/lkl.o:
	$(MAKE) -C ../.. ARCH=lkl defconfig
	$(MAKE) -C ../.. ARCH=lkl install INSTALL_PATH=$(OUT)
$(OUT)liblkl.a: $(OUT)lib/lkl.o
	ar rc $@ $^
$(OUT)lib/liblkl.so: $(OUT)lib/lkl.o
	gcc -shared $^ -o $@
"""

MAIN = """
const char linux_banner[] = "Linux version VERSION (root@host) (gcc 12.2.0) #1 Mon Nov 23 18:52:40 UTC 2026";
struct lkl_host_operations { int x; } lkl_host_ops;
static int own(int n) { return n + linux_banner[n]; }
int lkl_start_kernel(void) { return own(1); }
long lkl_syscall(long no) { return own(no); }
int lkl_sys_halt(void) { return own(2); }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tree that was never built, with makefiles of its own."""
    root = tmp_path / "linux"
    files = {"Kconfig": "", "Kbuild": "", "Makefile": KERNEL, "tools/lkl/Makefile": TOOLS,
             "init/main.c": MAIN.replace("VERSION", "6.0.0"), "tools/lkl/lib/Build": "",
             "include/linux/a.h": "", "drivers/odd/odd.c": "", "kernel/fork.c": "", "kernel/off.c": ""}  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    write_headers(root / "tools/lkl/include", Shape())
    return root


@pytest.fixture
def building(own: Settings) -> Settings:
    """Settings with --lkl-build."""
    return replace(own, build=True)


def test_builds_a_tree_that_is_not_built(source: Path, building: Settings, heard: Heard) -> None:
    """With --lkl-build, a tree without a library is built first."""
    with pytest.raises(UsageError, match="not built"):
        liblkl.prepare(source, replace(building, build=False), heard)
    kernel = liblkl.prepare(source, building, heard)
    assert kernel.static == source / "tools/lkl/liblkl.a"
    assert heard.steps == [(1, None)]
    heard.said.clear()
    assert liblkl.prepare(source, building, heard) == kernel
    assert heard.said == []


def test_build_tells_a_tree_that_is_up_to_date(
    source: Path, own: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lkltest build` says that there was nothing to build; the library is still the last word."""
    command = ["build", "--lkl", str(source), "--cache", str(own.cache)]
    for told in ("", ", up to date"):
        assert cli.main(command) == 0
        first, last = capsys.readouterr().out.splitlines()
        assert first.endswith(f"(Linux 6.0.0, G2, x86-64){told}")
        assert last == f"  {source / 'tools/lkl/liblkl.a'}"


def test_builds_a_tree_that_has_lost_its_static_library(source: Path, building: Settings, heard: Heard) -> None:
    """A shared library alone is no whole build of a tree; where it is the one that was named, nothing is built."""
    kernel = liblkl.prepare(source, building)
    assert kernel.static is not None
    assert kernel.shared is not None
    kernel.static.unlink()
    heard.said.clear()
    assert liblkl.prepare(kernel.shared, building, heard).static is None
    assert heard.said == []
    assert liblkl.prepare(source, building, heard).static == kernel.static
    assert heard.said


def test_a_tree_that_makes_no_static_library_is_built_once(source: Path, building: Settings, heard: Heard) -> None:
    """A build that has made the shared library alone is not repeated, until a source of it changes."""
    makefile = source / "tools/lkl/Makefile"
    makefile.write_text(TOOLS.replace("all: $(OUT)liblkl.a ", "all: "))
    kernel = liblkl.prepare(source, building)
    assert kernel.static is None
    assert liblkl.prepare(source, building, heard) == kernel
    assert heard.said == []
    change(makefile, TOOLS)
    assert liblkl.prepare(source, building, heard).static == source / "tools/lkl/liblkl.a"
    assert heard.said


@pytest.mark.parametrize("why", ["read-only", "no sources"])
def test_a_shared_library_is_enough_where_nothing_can_be_built(
    source: Path, building: Settings, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """A tree without its static library is taken as it is where it is read-only, or its sources are gone."""
    output = output_of(source, tmp_path / "out")
    static = liblkl.prepare(output, building).static
    assert static is not None
    static.unlink()
    if why == "no sources":
        part(source, output)
    else:
        monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    kernel = liblkl.prepare(output, building, heard)
    assert (kernel.static, kernel.shared) == (None, output / "tools/lkl/lib/liblkl.so")
    assert heard.said == []


def test_build_tells_that_nothing_was_compared(
    source: Path, own: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lkltest build` calls no library up to date whose sources are gone."""
    output = output_of(source, tmp_path / "out")
    command = ["build", "--lkl", str(output), "--cache", str(own.cache)]
    assert cli.main(command) == 0
    part(source, output)
    capsys.readouterr()
    assert cli.main(command) == 0
    told = capsys.readouterr().out.splitlines()[0]
    assert told.endswith("(Linux 6.0.0, G2, x86-64), not compared: its sources are not there")


def output_of(source: Path, output: Path) -> Path:
    """An O= directory of a tree, configured and not built."""
    (output / "tools/lkl/lib").mkdir(parents=True)
    (output / "source").symlink_to(source)
    (output / ".config").write_text("CONFIG_64BIT=y\n")
    write_headers(output / "tools/lkl/include", Shape(), source / "tools/lkl/include")
    return output


def part(source: Path, output: Path) -> None:
    """Move the sources away from an O= directory, all but the headers that programs include."""
    shutil.copytree(source / "tools/lkl/include", output / "tools/lkl/include", dirs_exist_ok=True)
    source.rename(source.with_name("elsewhere"))


def test_builds_an_output_directory(source: Path, building: Settings, tmp_path: Path) -> None:
    """A tree built with O= is built there again, and its sources stay clean."""
    output = output_of(source, tmp_path / "out")
    before = sorted(source.rglob("*"))
    kernel = liblkl.prepare(output, building)
    assert kernel.static == output / "tools/lkl/liblkl.a"
    assert sorted(source.rglob("*")) == before


def change(file: Path, text: str | None = None) -> None:
    """Edit a file a second from now, as far as its time tells."""
    if text is not None:
        file.write_text(text)
    later = time.time() + 1
    os.utime(file, (later, later))


def test_builds_again_what_is_older_than_its_sources(source: Path, building: Settings) -> None:
    """A changed source is told, and built where that is asked for; the user's .config is kept."""
    kernel = liblkl.prepare(source, building)
    assert liblkl.stale(kernel) is None
    (source / ".config").write_text("CONFIG_64BIT=y\n# mine\n")
    (source / "init/main.o").write_text("")
    change(source / "init/main.c", MAIN.replace("VERSION", "6.0.0-mine"))
    assert "older than its sources: init/main.c was changed" in str(liblkl.stale(kernel))
    assert liblkl.prepare(source, replace(building, build=False)).version == "6.0.0"
    again = liblkl.prepare(source, building)
    assert again.version == "6.0.0-mine"
    assert "# mine" in (source / ".config").read_text()
    assert "# by olddefconfig" in (source / ".config").read_text()


@pytest.mark.parametrize(("name", "counts"), [
    ("include/linux/a.h", True), ("Makefile", True), ("tools/lkl/lib/Build", True), ("kernel/fork.c", True),
    ("kernel/off.c", False), ("drivers/odd/odd.c", False), ("include/generated/b.h", False),
    ("Documentation/c.c", False), ("tools/lkl/include/lkl/asm/host_ops.h", False), ("arch/x86/d.c", False),
    ("arch/lkl/e.c", True), ("tools/lkl/tests/boot.c", False), ("kernel/fork.o", False),
    ("arch/um/kernel/config.c", False), (".tmp_kallsyms1.S", False), ("tools/lkl/Makefile.conf", False),
    ("tools/lkl/include/lkl_autoconf.h", False),
])  # fmt: skip
def test_knows_what_a_source_is(source: Path, building: Settings, name: str, counts: bool) -> None:
    """Only what was compiled, and what it includes, makes a library stale; what the build itself writes does not."""
    (source / "kernel/fork.o").write_text("")
    (source / ".tmp_kallsyms1.o").write_text("")
    (source / "arch/um/kernel").mkdir(parents=True)
    (source / "arch/um/kernel/.config.c.cmd").write_text("")
    kernel = liblkl.prepare(source, building)
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    change(source / name, "")
    assert (liblkl.stale(kernel) is not None) is counts


def test_tells_a_build_that_stopped_half_way(source: Path, building: Settings, heard: Heard) -> None:
    """A kernel that was linked after the library was made is a build under way; --lkl-build goes on with it."""
    kernel = liblkl.prepare(source, building)
    change(source / "tools/lkl/lib/lkl.o")
    assert "lib/lkl.o: a build is under way or has failed" in str(liblkl.stale(kernel))
    liblkl.prepare(source, building, heard)
    assert heard.steps == [(1, None)]


def test_refuses_to_build_where_make_cannot(source: Path, building: Settings) -> None:
    """A blank in the path is told before make trips over it."""
    odd = source.with_name("my linux")
    source.rename(odd)
    with pytest.raises(UsageError, match="blanks or colons"):
        liblkl.prepare(odd, building)


def test_a_kernel_that_does_not_build_is_skipped_by_bisect(source: Path, building: Settings) -> None:
    """The exit status is 125; the first error and the log are in the message."""
    (source / "init/main.c").write_text("int broken(\n")
    with pytest.raises(BuildError) as caught:
        liblkl.prepare(source, building)
    assert caught.value.exit_code == Exit.DOES_NOT_BUILD
    assert "init/main.c:1:1: error:" in str(caught.value)
    assert str(building.cache / "logs") in str(caught.value)


def test_builds_again_after_a_build_that_failed(source: Path, building: Settings) -> None:
    """A bisection goes on from a kernel that does not build to one that does, and over a truncated library."""
    good = (source / "init/main.c").read_text()
    liblkl.prepare(source, building)
    (source / "init/main.o").write_text("")
    change(source / "init/main.c", "int broken(\n")
    with pytest.raises(BuildError):
        liblkl.prepare(source, building)
    (source / "tools/lkl/liblkl.a").write_text("")
    change(source / "init/main.c", good)
    assert liblkl.prepare(source, building).version == "6.0.0"


def test_builds_for_headers_of_another_kernel(source: Path, building: Settings) -> None:
    """Headers that were renewed before the library are a build that was cut off: with --lkl-build it goes on."""
    liblkl.prepare(source, building)
    write_headers(source / "tools/lkl/include", Shape(version="6.1.0"))
    (source / "init/main.c").write_text(MAIN.replace("VERSION", "6.1.0"))
    assert liblkl.prepare(source, building).version == "6.1.0"


def test_does_not_build_what_has_no_sources(make_tree: Make, own: Settings, tmp_path: Path) -> None:
    """A prefix or a lone library is told as such."""
    root = make_tree()
    lone = tmp_path / "lone"
    lone.mkdir()
    (root / "tools/lkl/liblkl.a").rename(lone / "liblkl.a")
    (root / "tools/lkl/include").rename(lone / "include")
    kernel = liblkl.find(lone, own)
    assert liblkl.stale(kernel) is None
    with pytest.raises(UsageError, match="is not in a kernel tree"):
        liblkl.rebuild(kernel, own)


def test_a_command_that_fails_raises(source: Path, building: Settings, heard: Heard) -> None:
    """Other builds of trees, such as UML's, depend on a failed command never passing for a good one."""
    log = build_default.Log(building.cache / "logs" / "x.log", heard, None)
    with log.file:
        with pytest.raises(BuildError):
            build_tree.run(["false"], source, log)
        assert not build_tree.attempt(["false"], source, log).ended.ok
