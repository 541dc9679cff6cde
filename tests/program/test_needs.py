"""Parts of a table that can run by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.program.needs import Needs, argument
from lkltest.program.table import Declared, parse, read

SUITES = Path(__file__).parent.parent.parent / "suites"

TABLE = parse("""
LKLTEST_POINTS = {
	LKLTEST(host, .needs = ""),
	LKLTEST(start, .needs = ""),
	LKLTEST(a, .needs = "start"),
	LKLTEST(b, .timeout_ms = 5, .needs = "a"), /* .needs = "no" */
	LKLTEST(c, .needs = "start"),
	LKLTEST(rest),
	LKLTEST(d, .needs = "b c"),
};
""")


def names(part: tuple[Declared, ...]) -> str:
    """The names of some points."""
    return " ".join(point.name for point in part)


@pytest.mark.parametrize(("wanted", "part"), [
    ("host", "host"), ("a", "start a"), ("b", "start a b"), ("c host", "host start c"), ("d", "start a b c d"),
    ("rest", "host start a b c rest"), ("gone", ""),
])  # fmt: skip
def test_a_part_has_all_that_it_needs(wanted: str, part: str) -> None:
    """Needs are followed to their ends; a point that declares none needs all before it."""
    assert names(Needs(TABLE).part(wanted.split())) == part


@pytest.mark.parametrize(("dead", "part"), [
    ("host", "start a b c d"), ("a", "host start c"), ("b", "host start a c"), ("start", "host"),
    ("d", "host start a b c rest"), ("rest", "host start a b c d"), ("a c", "host start"),
])  # fmt: skip
def test_what_needs_a_dead_point_is_left_out(dead: str, part: str) -> None:
    """A point is left out that needs a dead one, also by others, or that declares nothing and comes after it."""
    assert names(Needs(TABLE).without([point.name for point in TABLE], dead.split())) == part


def test_a_point_that_is_not_there_is_not_needed() -> None:
    """A native program has no start_kernel."""
    native = tuple(point for point in TABLE if point.name != "start")
    assert names(Needs(native).part(["b"])) == "a b"
    assert names(Needs(native).without(["b"], [])) == "a b"


@pytest.mark.parametrize(("entries", "begins"), [
    ('LKLTEST(a, .needs = ""), LKLTEST(b, .needs = ""), LKLTEST(c, .needs = "b")', "b"),
    ('LKLTEST(a), LKLTEST(b, .needs = "a"), LKLTEST(c, .needs = "a")', "a"),
    ('LKLTEST(a), LKLTEST(b, .needs = "a"), LKLTEST(c)', "a b"),
    ("LKLTEST(a), LKLTEST(b), LKLTEST(c)", "a"),
    ('LKLTEST(a), LKLTEST(b, .needs = "")', ""),
    ("LKLTEST(a)", ""),
])  # fmt: skip
def test_a_beginning_is_needed_by_all_behind_it(entries: str, begins: str) -> None:
    """The first point needs nothing, whether it declares that or not; a later one of a chain is no beginning."""
    table = parse(f"LKLTEST_POINTS = {{\n{entries},\n}};")
    assert " ".join(point.name for point in table if Needs(table).begins(point.name)) == begins


@pytest.mark.parametrize(("part", "text"), [("a", "--only=a"), ("host start b c rest d", "--skip=a")])
def test_the_shorter_argument_is_taken(part: str, text: str) -> None:
    """The points are named, or those that are left out; the whole table takes no argument."""
    assert argument(TABLE, [point for point in TABLE if point.name in part.split()]) == text
    assert argument(TABLE, TABLE) == ""


@pytest.mark.parametrize(("needs", "message"), [
    ("start_kernel", "write one plain string"), ('"later"', "no earlier entry declares 'later'"), ('"a" "b"', None),
])  # fmt: skip
def test_needs_that_cannot_be_met_are_refused(needs: str, message: str | None) -> None:
    """A name that no earlier entry has, or what takes a compiler, is told with its line."""
    source = f"LKLTEST(a),\nLKLTEST(b, .needs = {needs}),\nLKLTEST(later),"
    with pytest.raises(ValueError, match=f"2: .*{message or 'plain string'}"):
        parse(source)


@pytest.mark.parametrize("source", [
    "boot/boot.c", "boot/vfs.c", "disk/disk.c", "disk/broken.c",
    "disk/own/btrfs.c", "disk/own/ext4.c", "disk/own/xfs.c",
])
def test_points_of_the_suites_stand_alone(source: str) -> None:
    """Every point names what it needs, and no point but a beginning costs most of the others if it dies."""
    table = read(SUITES / source)
    assert [point.name for point in table if point.needs is None] == []
    every = [point.name for point in table]
    costly = [name for name in every if len(Needs(table).without(every, [name])) < len(every) / 2]
    assert set(costly) <= {"disk_add", "start_kernel", "mount_dev"}
