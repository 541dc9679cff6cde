"""The messages between a guided session and the process that mutates its disk images.

The process is given an `ImagesTask`. It sends `ImagesProgress` twice a second, the functions that its images reach
first (`NewFunctions`), and in the end `Ended`. The session sends `Stop`, and `Hurry` when reproduction must end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lkltest.fuzz.findings import Finding
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.messages import Ended, Failed, Stop
from lkltest.settings import Settings


@dataclass(frozen=True)
class ImagesTask:
    """The work of the process."""

    recipes: tuple[str, ...]
    settings: Settings
    output: Path  # directory of the findings
    corpus: Path | None
    seed: int
    workers: int
    seconds: float
    reproduce_seconds: float | None  # after the end; a part of the time, where it is None
    env: Mapping[str, str] = field(default_factory=dict)  # added to the environment of the kernels


@dataclass(frozen=True)
class ImagesProgress:
    """All that the process has reached."""

    images: int = 0  # that were mounted, or refused
    edges: Mapping[str, int] = field(default_factory=dict)  # new ones, by recipe
    findings: Mapping[str, Finding] = field(default_factory=dict)  # by their names; each is written already
    waiting: int = 0  # failures that wait to be reproduced, or are just now
    left_out: tuple[str, ...] = ()  # a sentence for each file of the corpus, or group of recipes, that is left out
    complaint: str = ""  # the reason why no images are fuzzed, or no more


@dataclass(frozen=True)
class Hurry:
    """Ends the reproduction of what was found."""


FromImages = ImagesProgress | NewFunctions | Failed | Ended
ToImages = Stop | Hurry
