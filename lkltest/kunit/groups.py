"""Sets of cases as patterns of kunit.filter_glob, which takes one pattern "suite" or "suite.case" a boot."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lkltest.errors import UsageError
from lkltest.kunit.listing import Case

PLAIN = re.compile(r"[A-Za-z0-9_-]*")  # what stands for itself in a pattern, on a command line, and in a class
DEPTH = 24  # characters of names that are tried for a division
UNKNOWN = {"normal": 0.01, "slow": 2.0, "very_slow": 20.0}  # seconds that a case may take, where nothing is known
LEAST = 0.0005  # seconds of a case whose time was too short to be noted: cases without any would all be in one group
BOOT = 0.3  # seconds


@dataclass(frozen=True)
class Boot:
    """The cases of one run of a kernel."""

    pattern: str  # of kunit.filter_glob; empty for all cases that the kernel has
    cases: tuple[Case, ...]  # exactly those that the pattern selects, in the kernel's order


def plan(cases: Sequence[Case], everything: Sequence[Case], hint: str = "") -> list[Boot]:
    """The fewest boots found that run exactly these cases of a kernel's.

    `hint` is a pattern of the user's, taken where it selects them. Raises UsageError where no pattern can tell a
    name from another.
    """
    wanted = set(cases)
    for pattern in ("", hint):
        if wanted == set(selected(pattern, everything)):
            return [Boot(pattern, tuple(everything if not pattern else selected(pattern, everything)))]
    suites: dict[str, list[Case]] = defaultdict(list)
    for case in everything:
        suites[case.suite].append(case)
    whole = [name for name, members in suites.items() if wanted.issuperset(members)]
    partial = [name for name, members in suites.items() if name not in whole and wanted.intersection(members)]
    patterns = cover(whole, suites)
    for name in partial:
        exact = cover([name], suites)[0]
        names = [case.name for case in suites[name]]
        patterns += [f"{exact}.{part}" for part in cover([case.name for case in suites[name] if case in wanted], names)]
    boots = [Boot(pattern, tuple(selected(pattern, everything))) for pattern in patterns]
    order = {case: number for number, case in enumerate(everything)}
    return sorted(boots, key=lambda boot: order[boot.cases[0]])


def cover(wanted: Iterable[str], universe: Iterable[str]) -> list[str]:
    """Patterns that together match exactly the `wanted` names of the `universe`."""
    chosen, all_names = set(wanted), set(universe)
    return _cover("", chosen, all_names) if chosen else []


def _cover(prefix: str, chosen: set[str], names: set[str]) -> list[str]:
    """The patterns for the `names` that begin with `prefix`."""
    if chosen == names:
        return [f"{escape(prefix)}*"] if len(names) > 1 else [_exact(next(iter(names)), names)]
    patterns = [escape(prefix)] if prefix in chosen else []
    children: dict[str, set[str]] = defaultdict(set)
    for name in names:
        if len(name) > len(prefix):
            children[name[len(prefix)]].add(name)
    whole = [char for char, below in children.items() if below <= chosen and PLAIN.fullmatch(char)]
    if whole:
        patterns.append(f"{escape(prefix)}{char_class(whole)}*")
    for char, below in children.items():
        if char not in whole and below & chosen:
            if not PLAIN.fullmatch(char) and any(other != char for other in children):
                patterns += [_exact(name, names) for name in below & chosen]
            else:
                patterns += _cover(prefix + char, chosen & below, below)
    return patterns


def _exact(name: str, names: set[str]) -> str:
    """A pattern for one name; raises UsageError where it matches another one, too."""
    pattern = escape(name)
    if any(matches(pattern, other) for other in names if other != name):
        raise UsageError(f"kunit.filter_glob cannot tell {name!r} from a similar name: run the whole kernel")
    return pattern


def escape(name: str) -> str:
    """A pattern for a name: any character that is not plain is matched by a question mark."""
    return re.sub(r"[^A-Za-z0-9_-]", "?", name)


def char_class(chars: Iterable[str]) -> str:
    """The pattern for one of several plain characters; a hyphen is itself at the beginning."""
    text = "".join(sorted(chars, key=lambda char: (char != "-", char)))
    return text if len(text) == 1 else f"[{text}]"


def matches(pattern: str, text: str) -> bool:
    """Whether the kernel's glob_match() takes the whole text."""
    return _compiled(pattern).fullmatch(text) is not None


@functools.lru_cache(512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression."""
    parts = re.split(r"(\[!?\]?[^\]]*\]|\*|\?)", pattern)
    return re.compile("".join(_regex(part) for part in parts), re.DOTALL)


def _regex(part: str) -> str:
    if part in {"*", "?"}:
        return {"*": ".*", "?": "."}[part]
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        inverted, inside = ("^", part[2:-1]) if part[1] == "!" else ("", part[1:-1])
        return "[" + inverted + re.sub(r"([\\^\[\]])", r"\\\1", inside) + "]"
    return re.escape(part)


def selected(pattern: str, cases: Sequence[Case]) -> list[Case]:
    """The cases that kunit.filter_glob selects; all for an empty pattern."""
    suite, dot, name = pattern.partition(".")
    if not pattern:
        return list(cases)
    suites = {each for each in {case.suite for case in cases} if matches(suite, each)}
    fits = _compiled(name).fullmatch
    return [case for case in cases if case.suite in suites and (not dot or fits(case.name))]


def seconds(case: Case, known: Mapping[str, float]) -> float:
    """The time that a case takes, as far as that is known."""
    return max(LEAST, known.get(case.full, UNKNOWN.get(case.speed, UNKNOWN["normal"])))


@dataclass(frozen=True)
class Group:
    """Cases that one kernel after another runs, beside other groups."""

    cases: tuple[Case, ...]
    hint: str = ""  # a pattern that may select them all


def divide(
    cases: Sequence[Case], everything: Sequence[Case], parts: int, known: Mapping[str, float]
) -> list[Group]:
    """Divide cases into at most `parts` groups of like time, each for a kernel of its own that needs few boots.

    A pattern can divide names by one character only: at each place of the suites' names, then of the cases' names,
    the characters are dealt out by their weight, and the division whose longest group is the shortest is taken.
    Suites stay whole unless that costs a quarter more.
    """
    if parts < 2:
        return [Group(tuple(cases))]
    costs = [seconds(case, known) for case in cases]
    best, whole = _best("", [case.suite for case in cases], cases, costs, everything, parts)
    cost, torn = _best("*.", [case.name for case in cases], cases, costs, everything, parts)
    return torn if cost * 1.25 < best else whole


def _best(
    before: str, keys: Sequence[str], cases: Sequence[Case], costs: Sequence[float], everything: Sequence[Case],
    parts: int,
) -> tuple[float, list[Group]]:  # fmt: skip
    """The best division by a character of these keys, one a case as are the `costs`; the time of its longest group."""
    found = (float("inf"), [Group(tuple(cases))])
    for place in range(DEPTH):
        owner, times = deal(keys, costs, place, parts)
        if max(times) + BOOT >= found[0]:
            continue
        groups = grouped(before, keys, cases, owner, place)
        boots = [len(plan(group.cases, everything, group.hint)) for group in groups]
        cost = max(BOOT * count + time for count, time in zip(boots, times, strict=True))
        found = min(found, (cost, groups), key=lambda each: each[0])
    return found


def deal(keys: Sequence[str], costs: Sequence[float], place: int, parts: int) -> tuple[dict[str, int], list[float]]:
    """Deal out the characters at a place of the keys, the heaviest first: the group of each, the time of each group."""
    weights: dict[str, float] = defaultdict(float)
    for key, cost in zip(keys, costs, strict=True):
        weights[key[place : place + 1]] += cost
    times = [0.0] * min(parts, len(weights))
    owner: dict[str, int] = {}
    for char in sorted(weights, key=lambda each: -weights[each]):
        owner[char] = times.index(min(times))
        times[owner[char]] += weights[char]
    return owner, times


def grouped(
    before: str, keys: Sequence[str], cases: Sequence[Case], owner: Mapping[str, int], place: int
) -> list[Group]:
    """The groups of cases by the owners of the characters at a place of their keys."""
    groups: dict[int, list[Case]] = {number: [] for number in sorted(set(owner.values()))}
    for key, case in zip(keys, cases, strict=True):
        groups[owner[key[place : place + 1]]].append(case)
    return [
        Group(tuple(group), before + "?" * place + hint_class([char for char in owner if owner[char] == number]))
        for number, group in groups.items()
    ]


def hint_class(chars: Sequence[str]) -> str:
    """The end of a pattern for names that go on with one of these characters; it need not be right."""
    return char_class(char for char in chars if char and PLAIN.fullmatch(char)) + "*"
