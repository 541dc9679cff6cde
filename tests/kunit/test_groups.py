"""Sets of cases as patterns."""

from __future__ import annotations

import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from lkltest.kunit import groups
from lkltest.kunit.listing import Case

NAMES = st.text("ab_-", min_size=1, max_size=5)
SUITES = st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True), min_size=1, max_size=8)


def cases_of(suites: dict[str, list[str]]) -> list[Case]:
    """The cases of suites, as a kernel lists them."""
    return [Case(suite, name, block) for block, (suite, names) in enumerate(suites.items()) for name in names]


@given(SUITES, st.data())
def test_a_plan_is_exact(suites: dict[str, list[str]], data: st.DataObject) -> None:
    """The boots of a plan run each wanted case once, and no other case."""
    cases = cases_of(suites)
    wanted = data.draw(st.lists(st.sampled_from(cases), unique=True))
    boots = groups.plan(wanted, cases) if wanted else []
    assert sorted(case.full for boot in boots for case in boot.cases) == sorted(case.full for case in wanted)
    for boot in boots:
        suite, dot, name = (boot.pattern or "*").partition(".")
        chosen = [case for case in cases if fnmatch.fnmatchcase(case.suite, suite)
                  and (not dot or fnmatch.fnmatchcase(case.name, name))]  # fmt: skip
        assert chosen == list(boot.cases)


@given(SUITES, st.integers(1, 4), st.lists(st.sampled_from([0.0, 0.004, 3.0]), min_size=1))
def test_a_division_is_whole(suites: dict[str, list[str]], parts: int, times: list[float]) -> None:
    """The groups of a division have each case once, and there are not more of them than asked for."""
    cases = cases_of(suites)
    known = {case.full: times[number % len(times)] for number, case in enumerate(cases)}
    divided = groups.divide(cases, cases, parts, known)
    assert 1 <= len(divided) <= parts
    assert sorted(case.full for group in divided for case in group.cases) == sorted(case.full for case in cases)


def test_everything_needs_no_pattern() -> None:
    """All cases of a kernel run in one boot without a pattern; the user's own pattern is taken as it is."""
    cases = cases_of({"list": ["a", "b"], "hash": ["c"]})
    assert [boot.pattern for boot in groups.plan(cases, cases)] == [""]
    assert [boot.pattern for boot in groups.plan([cases[0], cases[2]], cases, "*.[ac]")] == ["*.[ac]"]


def test_names_with_blanks() -> None:
    """A blank or a period in a suite's name is matched by a question mark: the command line has no room for them."""
    cases = cases_of({"Handshake API tests": ["a"], "Handshake": ["b"], "x.y": ["c"]})
    assert [boot.pattern for boot in groups.plan(cases[:1], cases)] == ["Handshake?API?tests"]
    assert [boot.pattern for boot in groups.plan(cases[2:], cases)] == ["x*"]


def test_a_heavy_suite_is_torn() -> None:
    """A suite that takes nearly all the time is divided by its cases' names, by one pattern for each kernel."""
    cases = cases_of({"heavy": ["a", "b", "c", "d"], "light": ["e"]})
    known = {case.full: 5.0 for case in cases if case.suite == "heavy"}
    divided = groups.divide(cases, cases, 2, known)
    assert [sum(case.suite == "heavy" for case in group.cases) for group in divided] == [2, 2]
    assert all(len(groups.plan(group.cases, cases, group.hint)) == 1 for group in divided)
