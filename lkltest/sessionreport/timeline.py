"""The boot of a kernel as a picture: its messages over time, and the longest times between two of them."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lkltest.klog import STAMP

SECONDS = re.compile(rb"\[ *(\d+\.\d+)\]")
FEWEST = 10  # messages: a log with fewer is not of a boot
EARLY = 0.2  # seconds: the first message of a boot comes before
GAPS = 5  # that are told
WIDTH, HEIGHT = 640, 64


@dataclass(frozen=True)
class Message:
    """A line of the kernel's log."""

    seconds: float
    text: str


def boot(log: str) -> list[Message]:
    """The messages of the boot in a log, up to the first whose time is before the one above it; else none."""
    found: list[Message] = []
    for line in log.encode(errors="replace").splitlines():
        stamp = STAMP.match(line)
        number = SECONDS.match(line)
        if stamp is None or number is None:
            continue
        message = Message(float(number[1]), line[stamp.end() :].decode(errors="replace"))
        if found and message.seconds < found[-1].seconds:
            break
        found.append(message)
    return found if len(found) >= FEWEST and found[0].seconds < EARLY else []


def gaps(messages: Sequence[Message]) -> list[tuple[float, Message, Message]]:
    """The longest times between two messages, each with the message before and after."""
    found = [(after.seconds - before.seconds, before, after) for before, after in itertools.pairwise(messages)]
    return sorted((gap for gap in found if gap[0] > 0), key=lambda gap: -gap[0])[:GAPS]


def picture(messages: Sequence[Message]) -> str:
    """An SVG: a stroke a message, the longest gaps shaded, seconds below."""
    end = messages[-1].seconds or 1.0

    def x(seconds: float) -> float:
        return round(seconds / end * (WIDTH - 2) + 1, 1)

    shades = [
        f'<rect class="gap" x="{x(before.seconds)}" y="4" width="{round(x(after.seconds) - x(before.seconds), 1)}" '
        f'height="32"><title>{seconds:.3f} s after: {html.escape(before.text)}</title></rect>'
        for seconds, before, after in gaps(messages)
    ]
    strokes = [
        f'<path d="M{x(message.seconds)} 4v32"><title>{message.seconds:.3f} s: {html.escape(message.text)}</title>'
        "</path>"
        for message in messages
    ]
    labels = [
        f'<text x="{x(end * part / 4)}" y="54" text-anchor="{anchor}">{end * part / 4:.2f} s</text>'
        for part, anchor in enumerate(["start", "middle", "middle", "middle", "end"])
    ]
    name = f"boot: {len(messages)} messages in {end:.2f} s"
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
    return "\n".join([head, *shades, *strokes, *labels, "</svg>"])
