"""The profiles ci, dev and night: how many examples of each property are tried."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lkltest.errors import UsageError
from lkltest.settings import Settings

if TYPE_CHECKING:
    import hypothesis
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
WITHOUT_END = 1 << 30  # examples, where only the time counts
PART = 50  # examples of a stateful test between two looks at the clock
DATABASE = Path(".hypothesis") / "lkltest"  # beside Hypothesis's own


class TimeUp(BaseException):
    """A property has used up its time; no exception that Hypothesis takes for a failure."""


@dataclass(frozen=True)
class Profile:
    """The number of examples that are tried for each property."""

    name: str
    examples: int
    seconds: float = 0.0  # that each property may take; 0 is for ever
    steps: int = 25  # in one example of a stateful test
    fixed: bool = False  # the same examples in every run

    def settings(self, property: str, share: float = 1.0) -> hypothesis.settings:
        """Hypothesis's settings; failures are kept in a database of the property's own."""
        import hypothesis
        from hypothesis.database import DirectoryBasedExampleDatabase

        return hypothesis.settings(
            max_examples=max(1, int(self.examples * share)),
            stateful_step_count=self.steps,
            deadline=None,
            derandomize=self.fixed,
            database=None if self.fixed else DirectoryBasedExampleDatabase(DATABASE / property),
            suppress_health_check=list(hypothesis.HealthCheck),
            report_multiple_bugs=False,
        )

    def parts(self) -> Iterator[Profile]:
        """Profiles to be tried one after the other, for tests that cannot be ended in the midst of an example."""
        until = time.monotonic() + self.seconds
        yield replace(self, examples=min(self.examples, PART)) if self.seconds else self
        while time.monotonic() < until:
            yield replace(self, examples=min(self.examples, PART))

    def check(
        self, property: str, strategy: SearchStrategy[T], holds: Callable[[T], object], *, share: float = 1.0
    ) -> int:
        """Try a property on examples; the number of them. `share` is less than 1 for one whose examples are slow.

        Raises the exception of `holds` on the smallest example that Hypothesis finds.
        """
        import hypothesis

        limit = TimeLimit(self.seconds)
        tried = 0

        def example(value: T) -> None:
            nonlocal tried
            limit.look()
            tried += 1
            try:
                holds(value)
            except Exception:
                limit.failed = True
                raise

        run = self.settings(property, share)(hypothesis.given(value=strategy)(example))
        with contextlib.suppress(TimeUp):
            run()
        return tried


class TimeLimit:
    """Ends a property when its time is up, but never while Hypothesis shrinks a failure."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds if seconds else float("inf")
        self.failed = False
        self.begun = False

    def look(self) -> None:
        """Raise TimeUp after the time is up; the first example is always tried."""
        if self.begun and not self.failed and time.monotonic() > self.until:
            raise TimeUp
        self.begun = True


PROFILES = {
    "ci": Profile("ci", 60, fixed=True),
    "dev": Profile("dev", 200),
    "night": Profile("night", 20_000, steps=50),
}


def chosen(settings: Settings) -> Profile:
    """The profile that the settings name, with their examples and time; raises UsageError where there is none."""
    if settings.fuzz_profile not in PROFILES:
        raise UsageError(f"--lkl-fuzz-profile: no profile {settings.fuzz_profile}; take one of {', '.join(PROFILES)}")
    profile = PROFILES[settings.fuzz_profile]
    if settings.fuzz_time:
        profile = replace(profile, seconds=settings.fuzz_time, examples=WITHOUT_END, fixed=False)
    if settings.fuzz_examples:
        profile = replace(profile, examples=settings.fuzz_examples)
    return profile
