"""GitHub's own places for results: annotations at lines of sources, and the summary of a step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lkltest.sessionreport.model import Session

MOST = 10  # annotations of one kind that GitHub shows for a step
LINES = 30  # of a message


def commands(session: Session, top: Path) -> Iterator[str]:
    """A workflow command for each cause of failures: at the check that failed, where the message names one."""
    for cause in session.causes[:MOST]:
        item = cause.items[0]
        place = next((one.place for one in cause.items if one.place), None)
        where = f"file={_property(_below(place[0], top))},line={place[1]}," if place else ""
        title = f"{item.point} on {item.kernel}" if item.kernel else item.point
        more = f" (and {len(cause.items) - 1} more items)" if len(cause.items) > 1 else ""
        yield f"::error {where}title={_property(title + more)}::{_data(_head(cause.text))}"


def summary(session: Session) -> Iterator[str]:
    """The lines of the step's summary, in Markdown: counts, kernels, a paragraph a cause."""
    verdict = "failed" if session.causes else "passed"
    counts = ", ".join(f"{number} {outcome}" for outcome, number in session.counts.items())
    yield f"### lkltest: {verdict}"
    yield f"{counts or 'no tests'} in {session.seconds:.1f} s"
    yield ""
    yield from (f"- **{name}**: {description}" for name, description in session.kernels.items())
    for cause in session.causes:
        title = cause.title.replace("\n", " ").replace("<", "&lt;")
        yield ""
        yield f"<details><summary>{len(cause.items)} &times; {title}</summary>"
        yield ""
        yield "````\n" + _head(cause.text).replace("````", "'''") + "\n````"
        yield "</details>"


def _head(text: str) -> str:
    lines = text.strip().splitlines()
    more = [f"[{len(lines) - LINES} lines left out]"] if len(lines) > LINES else []
    return "\n".join([*lines[:LINES], *more])


def _below(path: str, top: Path) -> str:
    """A path as it is named from the top of the checkout."""
    try:
        return Path(path).resolve().relative_to(top).as_posix()
    except ValueError:
        return path


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
