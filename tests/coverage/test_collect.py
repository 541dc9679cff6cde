"""Collecting: what a program reaches on an instrumented kernel, and nothing else."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.coverage import raw
from lkltest.coverage.collect import collect
from lkltest.coverage.summary import File, summarize
from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.program import tree
from lkltest.settings import Settings
from tests.coverage.conftest import PROGRAMS, TRACED, Cover, Covered, line_of


def lines(covered: Covered, cache: Path) -> tuple[File, tuple[str, ...]]:
    """The lines of traced.c, and the names of the contexts."""
    summary = summarize(covered.data, cache)
    return summary.files[str(TRACED)], summary.contexts


def reached_by(covered: Covered, cache: Path, text: str) -> set[str]:
    """The points that reach the line of traced.c with this text."""
    file, names = lines(covered, cache)
    return {names[number] for number in file.lines[line_of(text)]}


def test_each_point_has_what_it_reached(cover: Cover, tmp_path: Path) -> None:
    """A known function is covered by the points that call it, its neighbour by none."""
    covered = cover("--skip=crash")
    assert covered.status == 0, covered.output
    file, names = lines(covered, tmp_path)
    by = {name: {names[n] for n in contexts} for name, contexts in file.functions.items()}
    assert by["traced_known"] == {"low", "high"}
    assert by["traced_neighbour"] == set()
    assert reached_by(covered, tmp_path, "return -n;") == {"low"}
    assert reached_by(covered, tmp_path, "return halved(n);") == {"high"}
    assert reached_by(covered, tmp_path, "n /= 2;") == set()


def test_inlined_functions_are_covered_by_their_own_name(cover: Cover, tmp_path: Path) -> None:
    """A function that is inlined into its caller is covered where the call is."""
    file, names = lines(cover("--only=start_kernel,low,high"), tmp_path)
    assert {names[n] for n in file.functions["halved"]} == {"high"}


def test_two_threads_lose_nothing(cover: Cover, tmp_path: Path) -> None:
    """Blocks that two threads reach at once in the same words of the bitmap are there, in each of 300 trials."""
    file, names = lines(cover("--only=start_kernel,threads"), tmp_path)
    many = {name: contexts for name, contexts in file.functions.items() if name.startswith("traced_many_")}
    trials = {f"trial-{n}" for n in range(1, 301)}
    assert len(many) == 400
    assert all(trials <= {names[n] for n in contexts} for contexts in many.values())


def test_a_crash_keeps_what_it_reached(cover: Cover, tmp_path: Path) -> None:
    """Lines reached before a fatal signal are kept, and belong to the point that was running."""
    covered = cover("crash=1")
    assert covered.status is None
    assert reached_by(covered, tmp_path, "n /= 2;") == {"crash"}
    assert reached_by(covered, tmp_path, "return -n;") == {"low"}


def test_all_that_was_reached_is_instrumented(cover: Cover, tmp_path: Path) -> None:
    """Every address of a run is that of a call which was found in the binary."""
    covered = cover()
    assert any(addresses for contexts in covered.data.modules.values() for addresses in contexts.values())
    assert summarize(covered.data, tmp_path).strays == 0


def test_the_tests_of_a_tree_have_what_they_reached(traced: Liblkl, settings: Settings, tmp_path: Path) -> None:
    """A kernel tree's own program, which knows nothing of lkltest, has coverage by its tests; its output is its own."""
    main, *others = (PROGRAMS / "tree.c", PROGRAMS / "tree_common.c", tree.ATTACHED)
    program = cc.compile(main, traced, settings, flags=tree.flags(main, others), others=others)
    (tmp_path / "raw").mkdir()
    done = process.run([program], env={raw.VARIABLE: str(tmp_path / "raw")}, timeout=120)
    assert done.output == b"1..2 # tree\n* 1 low\nok 1 low\n* 2 high\nok 2 high\n"
    covered = Covered(done.status, program, collect(tmp_path / "raw", program, traced, lambda point: point), "")
    assert reached_by(covered, tmp_path, "return -n;") == {"low"}
    assert reached_by(covered, tmp_path, "return halved(n);") == {"high"}


def test_the_file_of_a_uml_is_read(tmp_path: Path) -> None:
    """A file with records and no bitmap, as the init of a UML writes it, has the addresses of each point."""
    header = raw._HEADER.pack(b"LKLCOV1", 0x60000000, 0, 0, b"", b"").ljust(raw.PAGE, b"\0")
    records = b"".join(
        name.ljust(1024, b"\0") + struct.pack(f"<{len(offsets) + 1}I", len(offsets), *offsets)
        for name, offsets in ((b"", [1]), (b"getpid", [5, 9]), (b"uname", []), (b"getpid", [7]))
    )
    (tmp_path / "kcov.cov").write_bytes(header + records)
    found = raw.read(tmp_path / "kcov.cov")
    assert found is not None
    assert found.contexts == {"": {0x60000001}, "getpid": {0x60000005, 0x60000009, 0x60000007}}


def test_a_file_that_could_not_be_written_is_told(tmp_path: Path) -> None:
    """Coverage of a program whose disk was full is refused, not taken for all of it."""
    file = tmp_path / "1-0.cov"
    file.write_bytes(raw._HEADER.pack(b"LKLCOV1", 0x1000, 64, 28, b"", b"").ljust(2 * raw.PAGE, b"\0"))
    with pytest.raises(UsageError, match=r"incomplete.*No space left"):
        raw.read(file)
