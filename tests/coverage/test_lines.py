"""Mapping: lines of instrumented addresses, recounted by addr2line."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.coverage import lcov, lines, report, sites
from lkltest.coverage.data import Data, Module
from lkltest.coverage.summary import summarize
from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.coverage.conftest import TRACED, Cover
from tests.liblkl.tiny import call


def build(folder: Path, *flags: str, source: Path = TRACED) -> Path:
    """Link an instrumented shared library, or copy the one that an earlier test has linked."""
    library = folder / "libtraced.so"
    library.write_bytes(linked(flags, source))
    return library


@cache
def linked(flags: tuple[str, ...], source: Path) -> bytes:
    """The contents of an instrumented shared library."""
    with tempfile.TemporaryDirectory() as folder:
        library, made = Path(folder, "libtraced.so"), Path(folder, "traced.o")
        made.write_bytes(compiled(tuple(flag for flag in flags if not flag.startswith("-Wl,")), source))
        call("gcc", "-shared", *flags, made, "-o", library)
        return library.read_bytes()


@cache
def compiled(flags: tuple[str, ...], source: Path) -> bytes:
    """The contents of an instrumented object."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "traced.o")
        call("gcc", "-g", "-O2", "-fPIC", "-fsanitize-coverage=trace-pc", *flags, "-c", source, "-o", made)
        return made.read_bytes()


def module(path: Path) -> Module:
    """The module of a file."""
    return Module(str(path), sites.build_id(path), "library", "lkl", str(TRACED.parent))


def table(one: Module, folder: Path) -> tuple[lines.Lines, Sequence[int]]:
    """The lines of one module, and the addresses that they belong to."""
    ((known, (linked,)),) = lines.tables([one], folder)
    return known, linked.sites


def disassembled(path: Path) -> list[int]:
    """The return addresses of the calls of the callback, as objdump disassembles them."""
    text = process.run(["objdump", "-d", "--no-show-raw-insn", path], timeout=120).output.decode()
    listed = re.findall(r"^\s+([0-9a-f]+):\t(.*)$", text, re.M)
    return [int(after, 16) for (_, words), (after, _) in pairwise(listed)
            if re.match(r"call.*<__sanitizer_cov_trace_pc(@plt)?>", words)]  # fmt: skip


@pytest.mark.parametrize("flags", [(), ("-fcf-protection=none",), ("-Wl,-z,now",), ("-Wl,-z,lazy",)])
def test_every_call_is_found_in_a_shared_library(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """The instrumented addresses are those that a disassembler finds, whatever the linkage table looks like."""
    library = build(tmp_path, *flags)
    found = sites.find(library)
    assert len(found) > 800
    assert found == disassembled(library)


CALLED = """
#include <stdio.h>
int traced_known(int n);
extern int (*const traced_many[400])(int);
void __sanitizer_cov_trace_pc(void)
{
	printf("%lx\\n", (unsigned long)__builtin_return_address(0));
}
int main(void)
{
	for (int n = 0; n < 400; n++)
		traced_many[n](1) + traced_many[n](1000);
	return !(traced_known(1) + traced_known(1000));
}
"""


def test_calls_by_a_register_are_found(tmp_path: Path) -> None:
    """In code for any distance, as a UML's is, all that was reached is known, and as much as in other code."""
    source, program = tmp_path / "main.c", tmp_path / "main"
    source.write_text(CALLED)
    flags = ("-g", "-O2", "-fno-pic", "-no-pie", "-mcmodel=large", "-fcf-protection=none")
    call("gcc", *flags, "-c", source, "-o", tmp_path / "main.o")
    call("gcc", *flags, "-fsanitize-coverage=trace-pc", "-c", TRACED, "-o", tmp_path / "traced.o")
    call("gcc", "-no-pie", tmp_path / "main.o", tmp_path / "traced.o", "-o", program)
    reached = {int(word, 16) for word in process.run([program], timeout=60).output.split()}
    found = sites.find(program)
    assert len(reached) > 800
    assert reached <= set(found)
    assert abs(len(found) - len(sites.find(build(tmp_path)))) < 10


def test_shares_agree_with_a_recount(cover: Cover, tmp_path: Path) -> None:
    """Lines and hits are those that addr2line gives for the raw addresses, counted by other code."""
    covered = cover("--skip=crash")
    summary = summarize(covered.data, tmp_path)
    (contexts,) = covered.data.modules.values()
    reached = {address for addresses in contexts.values() for address in addresses}

    def recount(addresses: set[int]) -> set[str]:
        text = "".join(f"{address - 1:x}\n" for address in addresses).encode()
        done = process.run(["addr2line", "-ie", covered.program], stdin=text, timeout=120)
        return {line.split(" (")[0] for line in done.output.decode().splitlines()}

    every = {line for line in recount(set(disassembled(covered.program))) if not line.endswith((":?", ":0"))}
    assert summary.total().lines == len(every)
    assert summary.total().hit == len(recount(reached) & every)


def test_what_is_known_needs_no_file(tmp_path: Path) -> None:
    """The lines of a build are kept: its file may be gone by the time of the report."""
    library = build(tmp_path)
    one = table(module(library), tmp_path / "cache")
    known = module(library)
    library.unlink()
    assert table(known, tmp_path / "cache") == one


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    """Without the file and without what was known of it, the message names it."""
    library = build(tmp_path)
    known = module(library)
    library.unlink()
    with pytest.raises(UsageError, match=r"libtraced\.so.*No such file"):
        table(known, tmp_path / "cache")


def test_another_build_is_told(tmp_path: Path) -> None:
    """Data of one build are not shown on the lines of another."""
    other = replace(module(build(tmp_path)), build_id="0123456789abcdef")
    with pytest.raises(UsageError, match=r"built anew.*0123456789ab"):
        table(other, tmp_path / "cache")


@pytest.mark.parametrize(("strip", "message"), [
    ("--strip-debug", "no debug information"), ("--strip-all", "no debug information"),
])  # fmt: skip
def test_a_stripped_library_is_told(tmp_path: Path, strip: str, message: str) -> None:
    """A library without debug information is refused, and the message says how to build it."""
    library = build(tmp_path)
    call("strip", strip, library)
    with pytest.raises(UsageError, match=message):
        table(module(library), tmp_path / "cache")


def test_a_library_that_is_not_instrumented_is_told(tmp_path: Path) -> None:
    """A library without a call of the callback is refused."""
    source = tmp_path / "plain.c"
    source.write_text("int plain(void) { return 1; }\n")
    library = build(tmp_path, "-fno-sanitize-coverage=trace-pc", source=source)
    with pytest.raises(UsageError, match="not instrumented"):
        sites.find(library)


def test_programs_of_one_library_share_its_lines(
    cover: Cover, traced: Liblkl, settings: Settings, tmp_path: Path
) -> None:
    """The lines of a library are looked up once, though each program has it at other addresses."""
    covered, folder, source = cover("--only=start_kernel"), tmp_path / "cache", tmp_path / "more.c"
    (known,) = covered.data.modules
    one = table(known, folder)
    grown = "volatile int grown[4];\nvoid grow(void) {" + "grown[1]++;" * 500 + "}\n"
    source.write_text(f'#include "covers.c"\n{grown}')
    other = cc.compile(source, traced, settings, flags=(f"-I{TRACED.parent}",))
    again = table(replace(known, path=str(other), build_id=sites.build_id(other)), folder)
    assert again[1] != one[1]
    assert again[0] == one[0]
    assert len(list(folder.glob("lines-*"))) == 1


def test_paths_are_absolute_or_below_the_root(tmp_path: Path) -> None:
    """An lcov file names sources as the debug information does, or, for tools of a repository, below its root."""
    data = Data()
    data.add(replace(module(build(tmp_path)), root=str(TRACED.parent.parent)), {"point": ()})
    summary = summarize(data, tmp_path / "cache")
    short = str(TRACED.relative_to(TRACED.parent.parent))
    assert f"SF:{TRACED}\n" in lcov.render(summary)
    assert f"SF:{short}\n" in lcov.render(summary, relative=True)
    assert str(TRACED.parent) not in lcov.render(summary, relative=True)


def test_data_of_a_point_that_reached_nothing(tmp_path: Path) -> None:
    """All lines of a module count, though nothing of it was reached."""
    data = Data()
    data.add(module(build(tmp_path)), {"point": ()})
    total = summarize(data, tmp_path / "cache").total()
    assert total.hit == 0
    assert total.lines > 5


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    """Sources that are gone, and a run that left nothing, are told below the table."""
    data = Data()
    known = module(build(tmp_path))
    data.add(replace(known, root=str(tmp_path / "gone")), {"suite::program": ()})
    told = "\n".join(report.table(summarize(data, tmp_path / "cache")))
    assert f"sources in {tmp_path / 'gone'} are not there" in told
    assert "1 runs have left nothing, first suite::program" in told
    there = Data()
    there.add(known, {"point": sites.find(Path(known.path))[:1]})
    assert "nothing" not in "".join(report.table(summarize(there, tmp_path / "cache")))
