"""Write docs/pictures/*.svg anew: what real runs print on a terminal. Takes a few minutes; see CONTRIBUTING.md.

Usage: .venv/bin/python scripts/pictures.py [NAME...]
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pexpect
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 100  # columns
HEIGHT = 40  # lines of the terminal that the command sees
SCRATCH = "lkltest-fuzz"  # the name that the scratch directory gets
NOISE = ("rootdir: ", "configfile: ", "cachedir: ", "plugins: ", "hypothesis profile ", "platform ")

# As rich's own, without the fonts that it would fetch from elsewhere.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")  # escape sequences that are no colours


@dataclass(frozen=True)
class Picture:
    """A run whose terminal is drawn."""

    name: str
    command: str  # as a user types it, in the root of the checkout
    head: int  # lines that are shown from the beginning
    tail: int  # and from the end
    then: str = ""  # a second command, all of whose output is shown


ALL = (
    Picture("passing", "pytest suites/boot -v", 12, 10),
    Picture("crash", "pytest docs/examples/test_crash.py", 24, 14),
    Picture("fuzz", "lkltest fuzz --time 30 --seed 2026 --output {scratch}", 1, 20,
            "cat {scratch}/console-__alloc_pages_nodemask/program.txt"),
)


def main() -> int:
    """Make the pictures that are named, or all."""
    PICTURES.mkdir(exist_ok=True)
    for picture in ALL:
        if picture.name in sys.argv[1:] or not sys.argv[1:]:
            (PICTURES / f"{picture.name}.svg").write_text(draw(picture, run(picture)), encoding="utf-8")
    return 0


def run(picture: Picture) -> list[str]:
    """Run the commands of a picture, and return their output on a terminal."""
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "TERM": "xterm-256color"}
        told = []
        for command in filter(None, (picture.command, picture.then)):
            text = str(pexpect.run(command.format(scratch=scratch), timeout=600, cwd=str(ROOT), env=environment,
                                   encoding="utf-8", dimensions=(HEIGHT, WIDTH)))
            # The paths of the machine that draws are of no use to who looks at it.
            for own, shown in ((scratch, SCRATCH), (f"{ROOT}/", ""), (str(Path.home()), "~")):
                text = text.replace(own, shown)
            told.append(last_states(text))
    return told


def draw(picture: Picture, told: list[str]) -> str:
    """The terminal as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    lines = [line for line in Text.from_ansi(told[0]).split("\n") if not line.plain.startswith(NOISE)]
    if len(lines) > picture.head + picture.tail:
        lines = [*lines[: picture.head], Text("...", "dim"), *lines[-picture.tail :]]
    lines.insert(0, prompt(picture.command))
    if picture.then:
        lines += [prompt(picture.then), *Text.from_ansi(told[1].rstrip()).split("\n")]
    for line in lines:
        console.print(line, overflow="ellipsis", no_wrap=True, crop=True)
    title = picture.command.partition(" ")[0]
    return console.export_svg(title=title, theme=MONOKAI, code_format=FORMAT, unique_id=picture.name)


def prompt(command: str) -> Text:
    """A command as its user has typed it."""
    return Text(f"$ {command.format(scratch=SCRATCH)}", "bold")


def last_states(told: str) -> str:
    """The lines as they are in the end: of a line that was written over, the last state."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in told.split("\n")]
    return CURSOR.sub("", "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
