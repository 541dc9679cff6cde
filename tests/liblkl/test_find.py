"""The kernels that users name with --lkl, and the answers to them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import liblkl
from lkltest.errors import UsageError
from lkltest.liblkl import Generation, Liblkl, binary, headers
from lkltest.settings import Settings
from tests.liblkl.tiny import Shape, call, write_headers, write_library

Make = Callable[..., Path]


@pytest.mark.parametrize("below", ["", "tools/lkl", "tools/lkl/lib", "tools/lkl/include"])
def test_finds_a_tree_by_any_of_its_directories(make_tree: Make, own: Settings, below: str) -> None:
    """The root of a tree, its tools/lkl and what is below that name the same library."""
    root = make_tree()
    found = liblkl.find(root / below, own)
    assert found.static == root / "tools/lkl/liblkl.a"
    assert found.shared == root / "tools/lkl/lib/liblkl.so"
    assert (found.root, found.output, found.tests) == (root, root, root / "tools/lkl/tests")
    assert (found.version, found.name, found.machine) == ("6.0.0", "lkl-6.0.0", "x86-64")
    assert found.generation is Generation.G2


@pytest.mark.parametrize("generation", ["G1", "G2", "G3"])
def test_tells_the_generation_by_the_prototype(make_tree: Make, own: Settings, generation: str) -> None:
    """Comments and disabled code in the headers do not count, nor does the version."""
    found = liblkl.find(make_tree(Shape(generation, autoconf=generation != "G1")), own)
    assert found.generation.value == generation
    assert found.cflags == (("-DCONFIG_AUTO_LKL_POSIX_HOST",) if generation == "G1" else ())
    assert found.libs == ("-lpthread", "-lrt")


def test_lists_functions_options_and_constants(make_tree: Make, own: Settings) -> None:
    """Symbols are the library's, inlines and constants the headers', options the configuration's."""
    found = liblkl.find(make_tree(), own)
    assert {"lkl_start_kernel", "lkl_syscall", "lkl_host_ops"} <= found.symbols
    assert "own" not in found.symbols
    assert found.has("lkl_sys_open")
    assert not found.has("lkl_sys_close")
    assert found.config == {"CONFIG_64BIT", "CONFIG_EXT4_FS"}
    assert found.host == {"POSIX", "VFIO_PCI"}
    assert "LKL_O_RDWR" in headers.constants(found, own)
    assert found.notes == ()


@pytest.mark.parametrize("link", ["source", "makefile"])
@pytest.mark.parametrize("below", ["", "tools/lkl", "tools/lkl/liblkl.a"])
def test_finds_an_output_directory(make_tree: Make, own: Settings, tmp_path: Path, link: str, below: str) -> None:
    """A tree built with O= has its library and half of its headers there, the others in its sources."""
    root, output = tmp_path / "src", tmp_path / "out"
    make_tree(root=root, output=output)
    if link == "source":
        (output / "source").symlink_to(root)
    else:
        (output / "Makefile").write_text(f"# Automatically generated\ninclude {root}/Makefile\n")
    found = liblkl.find(output / below, own)
    assert found.include == (output / "tools/lkl/include", root / "tools/lkl/include")
    assert (found.root, found.output) == (root, output)
    assert found.tests == root / "tools/lkl/tests"


@pytest.mark.parametrize("lib", ["lib", "lib64", "lib/x86_64-linux-gnu"])
def test_finds_an_installed_prefix(own: Settings, tmp_path: Path, lib: str) -> None:
    """An installed kernel is found by its prefix, its lib directory, its include, and its files."""
    prefix = tmp_path / "usr"
    write_headers(prefix / "include", Shape())
    write_library(prefix / lib / "liblkl.a", prefix / lib / "liblkl.so", [prefix / "include"], Shape())
    for named in (prefix, prefix / lib, prefix / "include", prefix / lib / "liblkl.a"):
        found = liblkl.find(named, own)
        assert (found.static, found.shared) == (prefix / lib / "liblkl.a", prefix / lib / "liblkl.so")
        assert (found.root, found.tests) == (None, None)


def test_takes_the_shared_library_that_is_named(make_tree: Make, own: Settings) -> None:
    """The shared library, named, is not replaced by the static one beside it."""
    root = make_tree()
    found = liblkl.find(root / "tools/lkl/lib/liblkl.so", own)
    assert (found.static, found.library) == (None, root / "tools/lkl/lib/liblkl.so")


def test_finds_the_library_mode_of_uml(own: Settings, tmp_path: Path) -> None:
    """A tree with tools/um has liblinux.a, and needs no host's define."""
    root = tmp_path / "linux"
    shape = Shape("G2", "5.9.0", autoconf=False)
    write_headers(root / "tools/um/include", shape)
    write_library(root / "tools/um/liblinux.a", None, [root / "tools/um/include"], shape)
    (root / "Kconfig").write_text("")
    for named in (root, root / "tools/um", root / "tools/um/liblinux.a"):
        found = liblkl.find(named, own)
        assert found.generation is Generation.UML
        assert (found.name, found.cflags, found.shared) == ("uml-5.9.0", (), None)
        assert found.libs == ("-lpthread", "-lrt", "-lutil")


@pytest.mark.parametrize(("makefile", "places", "expected"), [
    ("ifeq ($(UMMODE),library)\n", ("tools/um/tests", "tools/testing/selftests/um"), "tools/um/tests"),
    ("ifeq ($(CONFIG_UMMODE_LIB),y)\nifeq ($(SUBARCH),lkl)\n", ("tools/testing/selftests/um",),
     "tools/testing/selftests/um"),
    ("ifeq ($(SUBARCH),lkl)\n", (), None),
])  # fmt: skip
def test_finds_the_tests_of_the_library_mode(
    own: Settings, tmp_path: Path, makefile: str, places: tuple[str, ...], expected: str | None
) -> None:
    """The RFC's versions have their tests in different places."""
    root = tmp_path / "linux"
    shape = Shape("G2", "5.10.0", autoconf=False)
    write_headers(root / "tools/um/include", shape)
    write_library(root / "tools/um/liblinux.a", None, [root / "tools/um/include"], shape)
    (root / "Kconfig").write_text("")
    (root / "arch/um").mkdir(parents=True)
    (root / "arch/um/Makefile").write_text(makefile)
    for place in places:
        (root / place).mkdir(parents=True)
        (root / place / "boot.c").write_text("int main(void) { return 0; }\n")
    assert liblkl.find(root, own).tests == (root / expected if expected else None)


def test_takes_paths_with_blanks_and_letters_of_any_kind(make_tree: Make, own: Settings, tmp_path: Path) -> None:
    """Only a build is in trouble with such a path; a library that is built is not."""
    root = make_tree(root=tmp_path / "mein Kernel für ☃ $HOME")
    assert liblkl.find(root, own) == liblkl.find(root, own)


def test_takes_a_read_only_tree(make_tree: Make, own: Settings) -> None:
    """Nothing is written into a tree, nor into a cache that is read-only."""
    root = make_tree()
    before = sorted(root.rglob("*"))
    own.cache.mkdir()
    own.cache.chmod(0o555)
    for folder in [root, *(path for path in before if path.is_dir())]:
        folder.chmod(0o555)
    try:
        liblkl.find(root, replace(own, cache=own.cache / "not" / "there"))
    finally:
        for folder in [root, *(path for path in before if path.is_dir())]:
            folder.chmod(0o755)
    assert sorted(root.rglob("*")) == before


def test_reads_a_thin_archive(make_tree: Make, own: Settings) -> None:
    """An archive that only names its objects is as good as one that holds them."""
    root = make_tree()
    tools = root / "tools/lkl"
    call("ar", "x", "liblkl.a", cwd=tools)
    (tools / "liblkl.a").unlink()
    call("ar", "rcT", "liblkl.a", *(path.name for path in tools.glob("*.o")), cwd=tools)
    assert "lkl_syscall" in liblkl.find(root, own).symbols


def refusal(path: Path, settings: Settings) -> str:
    """The words with which a path is refused."""
    with pytest.raises(UsageError) as caught:
        liblkl.find(path, settings)
    return str(caught.value)


def test_refuses_what_is_not_there(own: Settings, tmp_path: Path) -> None:
    """The message has the path, and what does exist of it."""
    told = refusal(tmp_path / "no" / "where", own)
    assert f"no such file or directory: {tmp_path}/no/where ({tmp_path} is there)" in told
    assert "--lkl" in told


@pytest.mark.parametrize(("files", "told"), [
    ((), "looked for tools/lkl, tools/um, include/lkl.h"),
    (("Kconfig", "arch/x86/Makefile"), "a Linux tree without LKL"),
    (("Kconfig", "arch/lkl/Makefile"), "no tools/lkl: check out the whole LKL tree"),
    (("linux/tools/lkl/Makefile",), "pass --lkl that"),
    ((".config",), "O=DIR"),
    (("Kconfig", "tools/lkl/Makefile"), "not built: run `make -C"),
    (("Kconfig", "tools/lkl/Makefile", "tools/lkl/lib/lkl.o"), "under way or has failed (there is"),
    (("Kconfig", "tools/lkl/Makefile", "init/main.o"), "there are objects of the kernel"),
    (("tools/lkl/include/lkl_autoconf.h",), "O="),
    (("Kconfig", "tools/um/Makefile"), "ARCH=um UMMODE=library defconfig && make -C"),
    (("Kconfig", "tools/um/Makefile", ".config", "arch/um/lkl/Makefile"), "ARCH=um SUBARCH=lkl`, or"),
    (("Kconfig", "tools/um/Makefile", "vmlinux.o", "arch/um/lkl/Makefile"), "ARCH=um SUBARCH=lkl defconfig && "),
    (("tools/um/lib/x",), "make -C SOURCES ARCH=um UMMODE=library O="),
    (("include/lkl.h",), "make -C tools/lkl install PREFIX="),
])  # fmt: skip
def test_tells_what_a_directory_without_a_library_is(
    own: Settings, tmp_path: Path, files: tuple[str, ...], told: str
) -> None:
    """Each state of a tree has its next step."""
    for name in files:
        (tmp_path / "it" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "it" / name).write_text("")
    (tmp_path / "it").mkdir(exist_ok=True)
    assert told in refusal(tmp_path / "it", own)


def test_refuses_other_files(own: Settings, tmp_path: Path) -> None:
    """A text, a program, a UML, a FIFO, the kernel without its host, a library without headers: each is told apart."""
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "lkl.o").write_text("x")
    (tmp_path / "linux.c").write_text('const char banner[] = "Linux version 6.1.0 (x) #1"; int main() { return 0; }')
    call("gcc", tmp_path / "linux.c", "-o", tmp_path / "linux6")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    assert "no library (neither an archive nor ELF)" in refusal(tmp_path / "notes.txt", own)
    assert "lkl_sys_halt: it is no liblkl" in refusal(Path("/bin/true"), own)
    assert "--uml" in refusal(tmp_path / "linux6", own)
    assert "neither a file nor a directory" in refusal(tmp_path / "fifo", own)
    assert f"a symbolic link to {tmp_path}/gone" in refusal(tmp_path / "dangling", own)
    assert "without its host's part" in refusal(tmp_path / "lkl.o", own)
    write_headers(tmp_path / "headers", Shape())
    write_library(tmp_path / "liblkl.a", None, [tmp_path / "headers"], Shape())
    assert f"no lkl.h for {tmp_path}/liblkl.a: looked in {tmp_path}/include" in refusal(tmp_path / "liblkl.a", own)


@pytest.mark.parametrize(("size", "told"), [(0, "is empty"), (70, "cut short"), (1500, "cut short")])
def test_refuses_a_library_that_is_not_whole(make_tree: Make, own: Settings, size: int, told: str) -> None:
    """A file that a running or a killed build left is told as such."""
    root = make_tree()
    os.truncate(root / "tools/lkl/liblkl.a", size)
    message = refusal(root, own)
    assert told in message
    assert "under way" in message


def test_refuses_a_shared_library_that_is_cut_short(make_tree: Make, own: Settings) -> None:
    """ELF's sections lie at its end: they are missed."""
    root = make_tree()
    shared = root / "tools/lkl/lib/liblkl.so"
    os.truncate(shared, shared.stat().st_size * 2 // 3)
    assert "cut short" in refusal(shared, own)


def test_refuses_another_machine_unless_told_how(make_tree: Make, own: Settings) -> None:
    """A library for aarch64 needs a compiler and a wrapper, and is described all the same."""
    root = make_tree()
    for library in (root / "tools/lkl/liblkl.a", root / "tools/lkl/lib/liblkl.so"):
        data = bytearray(library.read_bytes())
        elf = data.index(b"\x7fELF")
        data[elf + 18:elf + 20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
        library.write_bytes(data)
    told = refusal(root, own)
    assert "is for aarch64" in told
    assert "--lkl-cc" in told
    assert "--lkl-wrapper" in told
    assert liblkl.find(root, replace(own, wrapper=("qemu-aarch64-static",))).machine == "aarch64"
    assert liblkl.describe(root, own).machine == "aarch64"


@pytest.mark.parametrize(("shape", "told"), [
    (Shape(version="6.0.0", headers="6.1.0"), "headers are of Linux 6.1.0, the library of 6.0.0"),
    (Shape(version="6.0.0-rc3+", headers="6.0.0-rc4"), "headers are of Linux 6.0.0-rc4"),
    (Shape(options=("CONFIG_EXT4_FS",)), "headers are of a 32-bit kernel"),
    (Shape("G2", source="int lkl_init(void) { return 0; }\n"), "the library has lkl_init()"),
])  # fmt: skip
def test_refuses_headers_of_another_kernel(make_tree: Make, own: Settings, shape: Shape, told: str) -> None:
    """A program compiled so would crash in its first call."""
    assert told in refusal(make_tree(shape), own)


def test_compiles_for_the_smaller_machine_of_the_host(
    make_tree: Make, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 32-bit library needs -m32 from the compiler that makes 64-bit programs otherwise."""
    root = make_tree(Shape(options=()))
    real = binary.read
    monkeypatch.setattr(binary, "read", lambda path: replace(real(path), machine="i386", bits=32))
    assert liblkl.find(root, own).cflags == ("-m32",)


def test_takes_headers_without_the_local_version(make_tree: Make, own: Settings) -> None:
    """The banner has a local version that the headers leave out."""
    found = liblkl.find(make_tree(Shape(version="6.0.0-rc3-mine+", headers="6.0.0-rc3")), own)
    assert found.version == "6.0.0-rc3-mine+"


def test_refuses_a_library_without_symbols(make_tree: Make, own: Settings) -> None:
    """An archive that was stripped cannot be linked with."""
    assert "has no symbols: it was stripped" in refusal(make_tree(Shape(strip="--strip-all")), own)


def test_notes_a_library_without_debug_information(make_tree: Make, own: Settings) -> None:
    """Programs run; stacks will have no source lines, and the user is told."""
    root = make_tree(Shape(strip="--strip-debug"))
    assert any("no debug information" in note for note in liblkl.find(root, own).notes)
    shared = root / "tools/lkl/lib/liblkl.so"
    call("strip", shared)
    assert any("no symbols of the kernel's own" in note for note in liblkl.find(shared, own).notes)


def test_refuses_a_library_that_is_no_liblkl(make_tree: Make, own: Settings) -> None:
    """A library that cannot start a kernel is named."""
    root = make_tree(Shape(flags=("-g", "-Dlkl_syscall=lkl_other")))
    assert "does not define lkl_syscall" in refusal(root, own)


def test_notes_a_shared_library_of_another_build(make_tree: Make, own: Settings, tmp_path: Path) -> None:
    """The two libraries of a tree were built at different times: their banners tell."""
    root = make_tree()
    other = make_tree(Shape(version="6.0.0-old"), root=tmp_path / "other")
    shutil.copy(other / "tools/lkl/lib/liblkl.so", root / "tools/lkl/lib/liblkl.so")
    assert any("of another build" in note for note in liblkl.find(root, own).notes)


def test_tells_incomplete_headers(make_tree: Make, own: Settings) -> None:
    """A header that is missing in the middle of a build is named, with the compiler's words."""
    root = make_tree()
    (root / "tools/lkl/include/lkl/asm/host_ops.h").unlink()
    told = refusal(root, own)
    assert "host_ops.h: No such file" in told
    assert "under way" in told


def test_tells_a_missing_compiler(make_tree: Make, own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler no header can be read."""
    root = make_tree()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("lkltest.host.programs.SYSTEM_DIRECTORIES", ())
    told = refusal(root, own)
    assert "gcc (for reading a library's headers)" in told


@pytest.mark.parametrize("change", ["library", "header", "new"])
def test_looks_again_when_a_file_changed(make_tree: Make, own: Settings, change: str) -> None:
    """A description is kept until the library or its headers change, or one appears."""
    root = make_tree(Shape("G1", autoconf=False))
    assert liblkl.find(root, own).generation is Generation.G1
    include = root / "tools/lkl/include"
    if change == "library":
        write_library(root / "tools/lkl/liblkl.a", None, [include], Shape(version="6.0.0-second"))
        assert liblkl.find(root, own).version == "6.0.0-second"
    elif change == "header":
        write_headers(include, Shape("G2", autoconf=False))
        assert liblkl.find(root, own).generation is Generation.G2
    else:
        (include / "lkl_autoconf.h").write_text("#define LKL_HOST_CONFIG_POSIX y\n")
        assert liblkl.find(root, own).cflags == ()


def test_recalls_what_it_found(make_tree: Make, own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look is equal to the first, reads no library, and takes no time."""
    root = make_tree()
    first = liblkl.find(root, own)
    monkeypatch.setattr("lkltest.liblkl.description.describe", None)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        again = liblkl.find(root, own)
        times.append(time.perf_counter() - start)
    assert again == first
    assert min(times) < 0.005


def test_survives_a_damaged_memory(make_tree: Make, own: Settings) -> None:
    """A description that cannot be read is made anew."""
    root = make_tree()
    first = liblkl.find(root, own)
    for kept in (own.cache / "known").iterdir():
        kept.write_text(kept.read_text()[:100])
    assert liblkl.find(root, own) == first


def test_gives_kernels_of_one_version_names_of_their_own(make_tree: Make, own: Settings, tmp_path: Path) -> None:
    """Two trees of one version are told apart by where they are."""
    one, two = make_tree(root=tmp_path / "before/linux"), make_tree(root=tmp_path / "after/linux")
    names = [kernel.name for kernel in liblkl.kernels(replace(own, lkl=(one, two, one)))]
    assert names == ["lkl-6.0.0@before", "lkl-6.0.0@after"]


def test_describes_a_real_kernel(liblkl: Liblkl) -> None:
    """The kernel of these tests has all that the others need of it."""
    assert {"lkl_start_kernel", "lkl_syscall", "lkl_sys_halt", "lkl_disk_add"} <= liblkl.symbols
    assert {"CONFIG_EXT4_FS", "CONFIG_NET"} <= liblkl.config
    assert liblkl.has("lkl_sys_getpid")
    assert liblkl.notes == ()
