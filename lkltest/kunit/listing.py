"""The suites and cases of a kernel with KUnit, as it lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lkltest.kunit.lines import text_of

START = re.compile(r"K?TAP version \d+")
CASE = re.compile(r"([^\s.]+)\.(\w+)")  # what kunit.py takes for one, where no line names the suite
ATTRIBUTE = re.compile(r"# (?:(\w+)\.)?(\w+): (.*)")
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
    """The cases that a kernel lists, with or without attributes, in the order in which it runs them."""
    suite, block, seen = "", -1, ""
    cases: list[Case] = []
    attributes: dict[str, str] = {}  # of the suite
    for line in after_start(console):
        if found := ATTRIBUTE.fullmatch(line):
            case, name, value = found.groups()
            if case is None:
                attributes[name] = value
            elif cases and cases[-1].name == case and name == "speed":
                cases[-1] = with_speed(cases[-1], value)
        elif (name := case_in(line, seen)) or (found := CASE.fullmatch(line)):
            owner = seen if name else found[1] if found else ""
            if owner != suite or block < 0 or not (cases and cases[-1].block == block):
                suite, block = owner, block + 1
            own = attributes if owner == seen else {}
            cases.append(Case(suite, name or (found[2] if found else ""), block, module=own.get("module", ""),
                              is_init=own.get("is_init") == "true"))  # fmt: skip
        elif line:
            seen, attributes, suite = line, {}, ""
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


def with_speed(case: Case, speed: str) -> Case:
    """The case with the speed that it says of itself."""
    from dataclasses import replace

    return replace(case, speed=speed)


def refusal(console: Iterable[str]) -> str:
    """KUnit's message where it cannot run the wanted cases; empty where it can."""
    found = (REFUSED.search(text_of(line)) for line in console)
    return next((match[1] for match in found if match), "")
