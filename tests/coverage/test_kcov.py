"""The collector of a UML's coverage, on a file that behaves as KCOV's: what it keeps, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lkltest
from lkltest.coverage import raw
from lkltest.host import process
from tests.coverage.conftest import PROGRAMS
from tests.liblkl.tiny import call

TEXT = 0x60000000
SIZE = 1 << 19  # LKLTEST_KCOV_SIZE
Run = Callable[..., tuple[dict[str, set[int]], str]]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    program = tmp_path_factory.mktemp("kcov") / "kcov"
    harness = Path(lkltest.__file__).parent / "harness"
    call("gcc", "-g", "-O2", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-I", harness,
         PROGRAMS / "kcov.c", "-o", program)  # fmt: skip
    return program


@pytest.fixture
def run(collector: Path, tmp_path: Path) -> Run:
    """Run the program; the addresses of each point without the kernel's base, and what it said."""

    def started(*words: str, file: Path = tmp_path / "kcov.cov") -> tuple[dict[str, set[int]], str]:
        done = process.run([collector, *words], env={"LKLTEST_KCOV": str(file)}, timeout=120)
        found = raw.read(file) if file.is_file() else None
        contexts = found.contexts if found else {}
        return {name: {at - TEXT for at in reached} for name, reached in contexts.items()}, done.errors.decode()

    return started


def test_each_point_has_what_it_reached(run: Run) -> None:
    """An address counts once for each point that reaches it, and KCOV's own calls for none."""
    found, errors = run("begin", "1", "2", "point=one", "2", "3", "3", "point=two", "3", "point=", "9")
    assert {name: reached - {0xE0} for name, reached in found.items()} == {"": {1, 2}, "one": {2, 3}, "two": {3}}
    assert 0xE0 in found[""]  # enabling for the first time belongs to the start
    assert 0xE0 not in found["one"] | found["two"]
    assert not errors


def test_a_point_of_many_calls_loses_nothing(run: Run) -> None:
    """More addresses than KCOV's buffer holds are all kept, if no single call reaches so many."""
    found, errors = run("begin", "point=one", f"many={SIZE - 1}", "point=two", f"many={SIZE // 2}", "point=")
    assert found["one"] == set(range(0x1000, 0x1000 + SIZE - 1))
    assert found["two"] == set(range(0x1000, 0x1000 + SIZE // 2))
    assert not errors


def test_a_call_that_overflows_the_buffer_is_told(run: Run) -> None:
    """The part that fits is kept, the point is named, and the next point is whole again."""
    found, errors = run("begin", "point=large", f"once={SIZE}", "point=small", "5", "point=")
    assert len(found["large"]) == SIZE - 1
    assert found["small"] == {5}
    assert errors.count("large reached more in one system call than KCOV's buffer holds") == 1
    assert "small" not in errors


def test_a_crash_keeps_the_points_before(run: Run) -> None:
    """Each point is in the file when the next one begins."""
    found, _ = run("begin", "point=one", "1", "point=two", "2", "crash")
    assert found["one"] == {1}
    assert "two" not in found


def test_addresses_of_no_kernel_are_left_out(run: Run) -> None:
    """An address that is farther away than a kernel is large does not count."""
    found, errors = run("begin", "1", "point=one", f"{1 << 28:x}", "7", "point=")
    assert found["one"] == {7}
    assert not errors


@pytest.mark.parametrize(("words", "message"), [
    (("absent", "begin", "1", "point=one"), ""),
    (("busy", "begin", "1", "point=one"), "cannot enable it: Device or resource busy"),
], ids=["no KCOV", "busy"])  # fmt: skip
def test_without_kcov_nothing_is_collected(run: Run, words: tuple[str, ...], message: str) -> None:
    """The points run all the same; a reason is told where the kernel gave one."""
    found, errors = run(*words)
    assert not found
    assert message in errors
    assert bool(message) == bool(errors)


def test_a_file_that_takes_nothing_is_told(run: Run) -> None:
    """A host whose disk is full is named as the cause."""
    _, errors = run("begin", "1", "point=one", file=Path("/dev/full"))
    assert "cannot write it to the host: No space left on device" in errors
