"""The suites and cases of a kernel with KUnit, as it lists them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lkltest.kunit.lines import text_of

START = re.compile(r"K?TAP version \d+")
CASE = re.compile(r"([^\s.]+)\.(\w+)")  # what kunit.py takes for one, where no line names the suite
ATTRIBUTE = re.compile(r"# (?:(\w+)\.)?(\w+): (.*)")
RECENT = 20  # lines before a suite's first case among which its name is
REFUSED = re.compile(r"kunit executor: (.*)")


@dataclass(frozen=True)
class Case:
    """One test case of a suite."""

    suite: str
    name: str
    block: int = 0  # the suite's place in the listing: two may have the same name
    speed: str = "normal"  # "slow", "very_slow": what the case says of itself
    module: str = ""  # the suite's
    is_init: bool = False  # the suite wants to run while the kernel boots

    @property
    def full(self) -> str:
        """The name with its suite's, as the kernel lists it."""
        return f"{self.suite}.{self.name}"


def parse(console: Iterable[str]) -> tuple[Case, ...]:
    """The cases that a kernel lists, with or without attributes, in the order in which it runs them.

    A line that names a suite is known by what follows it: any other message may stand among them.
    """
    cases: list[Case] = []
    suite, own = "", dict[str, str]()  # of the latest case: the suite and its attributes
    titles: deque[tuple[str, dict[str, str]]] = deque(maxlen=RECENT)  # what may be the next suite
    for line in after_start(console):
        if found := ATTRIBUTE.fullmatch(line):
            case, name, value = found.groups()
            if case is None:
                (titles[-1][1] if titles else own)[name] = value
            elif cases and cases[-1].name == case and name == "speed":
                cases[-1] = replace(cases[-1], speed=value)
            continue
        block = cases[-1].block if cases else -1
        begun = next(((title, told) for title, told in reversed(titles) if case_in(line, title)), None)
        if begun:
            (suite, own), block = begun, block + 1
        name = case_in(line, suite)
        if not name and (bare := CASE.fullmatch(line)):  # before Linux 6.6 no line names the suite
            suite, name, own, block = bare[1], bare[2], {}, block + 1
        if name:
            cases.append(Case(suite, name, block, "normal", own.get("module", ""), own.get("is_init") == "true"))
            titles.clear()
        else:
            titles.append((line, {}))
    return tuple(cases)


def after_start(console: Iterable[str]) -> Iterator[str]:
    """The lines behind the version line, without time stamps."""
    started = False
    for raw in console:
        line = text_of(raw)
        if started:
            yield line
        started = started or START.fullmatch(line) is not None


def case_in(line: str, suite: str) -> str:
    """The case's name in a line "suite.case"; empty where the line is none of this suite's."""
    name = line.removeprefix(f"{suite}.") if suite and line.startswith(f"{suite}.") else ""
    return name if re.fullmatch(r"\w+", name) else ""


def refusal(console: Iterable[str]) -> str:
    """KUnit's message where it cannot run the wanted cases; empty where it can."""
    found = (REFUSED.search(text_of(line)) for line in console)
    return next((match[1] for match in found if match), "")
