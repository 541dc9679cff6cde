"""The functions that a session reaches first, without a kernel."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lkltest.fuzz import page
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.functions import LISTED, Finder, FirstReached, FunctionTable, NewFunctions, bounded, source_files
from lkltest.fuzz.prog.text import plain
from lkltest.fuzz.prog.values import Call, Program
from lkltest.host import process
from lkltest.settings import Settings

SOURCE = """
static __attribute__((noinline, used)) int inner(int a) { return a * 3; }
int __outer(int a) { return inner(a) + 1; }
int outer(int a) __attribute__((alias("__outer")));
"""
PROGRAM = Program((Call("openat", (1,)), Call("close", (2,))))


@pytest.fixture(scope="module")
def library(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared library of three functions, two of which are one."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "kernel").mkdir()
    (folder / "kernel/source.c").write_text(SOURCE)
    made = folder / "library.so"
    done = process.run(
        [*settings.cc, "-g", "-O1", "-shared", "-fPIC", folder / "kernel/source.c", "-o", made], timeout=100, merge=True
    )
    assert done.ok, done.output
    return made


def test_addresses_are_those_of_functions(library: Path) -> None:
    """Each address of a function is its own, that behind its end is not; of two names, the plain one is taken."""
    table = FunctionTable.read(library)
    for name in ("outer", "inner"):
        (start,) = table.addresses({name})
        at = table.index(start)
        assert table.names[at] == name
        assert table.index(table.ends[at] - 1) == at != table.index(table.ends[at])
    assert "__outer" not in table.names
    assert table.index(0) == -1
    assert table.index(1 << 62) == -1


def test_files_are_below_the_root(library: Path) -> None:
    """The source file of a function is named as it lies below the kernel's root."""
    table = FunctionTable.read(library)
    assert source_files(library, table, {"outer", "inner"}, library.parent) == {
        "outer": "kernel/source.c", "inner": "kernel/source.c",
    }  # fmt: skip


def test_a_function_is_found_once(library: Path) -> None:
    """Of the blocks of new edges, the first one in a function names it, with the call that reached it."""
    table = FunctionTable.read(library)
    at = {name: start for start, name in table.addresses({"outer", "inner"}).items()}
    blocks = [(40, 3, [at["inner"], at["inner"] + 1, 0]), (40, 7, [at["inner"], at["outer"]]), (41, 0, [at["outer"]])]
    feedback = cast(Any, SimpleNamespace(blocks=lambda: iter(blocks)))
    finder = Finder(table)
    assert list(finder.new(feedback)) == [(40, (("inner", 3), ("outer", 7)))]
    assert list(finder.new(feedback)) == []


def new(*names: str, source: str = "files", file: str = "") -> NewFunctions:
    """Functions that the second call of a program reached."""
    return NewFunctions(tuple((name, 1) for name in names), source, PROGRAM, file)


def test_the_first_program_counts() -> None:
    """A function that several loops send is that of the first message, with its time."""
    reached = FirstReached()
    reached.add(new("a", "b"), 1.0)
    reached.add(new("b", "c", source="pipes"), 2.0)
    assert [(one.name, one.source, one.seconds) for one in reached.newest] == [
        ("a", "files", 1.0), ("b", "files", 1.0), ("c", "pipes", 2.0),
    ]  # fmt: skip
    assert reached.by_source == {"files": 2, "pipes": 1}


def test_functions_of_stored_programs_are_not_first() -> None:
    """Whether a program of the old corpus comes before or after; one that was added meanwhile is the session's."""
    reached = FirstReached({"old.prog"})
    reached.add(new("a", "b"), 1.0)
    reached.add(new("b", "c", file="old.prog"), 2.0)
    reached.add(new("c", "d", file="added.prog"), 3.0)
    assert [one.name for one in reached.newest] == ["a", "d"]
    assert list(reached.sources) == ["a", "d"]
    assert reached.by_stored == {"b", "c"}
    assert len(reached) == 4


def test_the_list_is_bounded() -> None:
    """The newest functions are listed, all are counted; messages carry no programs that are never listed."""
    messages = [new(f"f{n}") for n in range(LISTED + 5)]
    sent = bounded(messages)
    assert [one.functions for one in sent] == [one.functions for one in messages]
    assert [one.program for one in sent] == [None] * 5 + [PROGRAM] * LISTED
    assert bounded(messages[:3]) == tuple(messages[:3])
    reached = FirstReached()
    for n, one in enumerate(sent):
        reached.add(one, float(n))
    assert len(reached) == LISTED + 5
    assert [one.program for one in reached.newest] == [PROGRAM] * LISTED


def test_the_page_shows_who_reached_a_function() -> None:
    """A row has time, function, file, scenario and the program up to the call; an unmount comes behind all calls."""
    reached = FirstReached({"old.prog"})
    reached.add(new("known", file="old.prog"), 0.0)
    reached.add(NewFunctions((("opened", 0), ("put_away", BETWEEN)), "ext4", PROGRAM, image="1 place, 0x400"), 7.0)
    files = {"opened": "fs/open.c", "put_away": "fs/super.c, fs/other.c"}
    heading, content = page.functions(reached, files, lambda _: plain)
    assert heading == "Functions first reached <small>2</small>"
    assert "By directory: fs 2." in content
    assert "reach 1 functions" in content
    rows = content.split("<tr>")[2:]
    assert rows[0].startswith("<td class=n>7 s<td><code>opened</code><td>fs/open.c<td>ext4<td>")
    assert "<summary>openat</summary><pre># image: 1 place, 0x400\nopenat(1)</pre>" in rows[0]
    assert "<summary>the unmount</summary>" in rows[1]
    assert "openat(1)\nclose(2)</pre>" in rows[1]
    assert "known" not in "".join(rows)


def test_the_page_tells_why_there_are_no_functions() -> None:
    """Nothing is known of a plain kernel, and a session may reach nothing that its corpus does not."""
    assert "not instrumented" in page.functions(FirstReached(), {}, lambda _: plain)[1]
    reached = FirstReached({"old.prog"})
    reached.add(new("known", file="old.prog"), 0.0)
    assert "<p>None." in page.functions(reached, {}, lambda _: plain)[1]


@pytest.mark.parametrize(("end", "marks"), [(30.0, ["0 s", "7.5 s", "15 s", "22 s", "30 s"]),
                                            (1200.0, ["0 min", "5.0 min", "10 min", "15 min", "20 min"])])
def test_curves_have_an_axis_of_time(end: float, marks: list[str]) -> None:
    """The axis has marks in seconds, or minutes; a field that stays at 0 has no curve where it is optional."""
    samples = [SimpleNamespace(seconds=seconds, programs=n, edges=0) for n, seconds in enumerate((0.0, end))]
    drawn = page.curves(samples, ("programs", "edges"))
    assert [mark for mark in marks if f">{mark}</text>" in drawn] == marks
    assert "1 programs" in drawn
    assert "0 edges" not in drawn
