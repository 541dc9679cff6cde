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


ALL = (
    Picture("passing", "pytest suites/boot -v", 12, 10),
    Picture("crash", "pytest docs/examples/test_crash.py", 24, 14),
    Picture("fuzz", "lkltest fuzz --time 30 --seed 2026 --output {scratch}", 1, 24),
)


def main() -> int:
    """Make the pictures that are named, or all."""
    PICTURES.mkdir(exist_ok=True)
    for picture in ALL:
        if picture.name in sys.argv[1:] or not sys.argv[1:]:
            (PICTURES / f"{picture.name}.svg").write_text(draw(picture, run(picture)), encoding="utf-8")
    return 0


def run(picture: Picture) -> str:
    """The output of the command on a terminal."""
    with tempfile.TemporaryDirectory() as scratch:
        command = picture.command.format(scratch=scratch)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "TERM": "xterm-256color"}
        told = str(pexpect.run(command, timeout=600, cwd=str(ROOT), env=environment, encoding="utf-8",
                               dimensions=(HEIGHT, WIDTH)))
    # The paths of the machine that draws are of no use to who looks at it.
    for own, shown in ((scratch, "lkltest-fuzz"), (f"{ROOT}/", ""), (str(Path.home()), "~")):
        told = told.replace(own, shown)
    return last_states(told)


def draw(picture: Picture, told: str) -> str:
    """The terminal as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    shown = picture.command.format(scratch="lkltest-fuzz")
    lines = [line for line in Text.from_ansi(told).split("\n") if not line.plain.startswith(NOISE)]
    if len(lines) > picture.head + picture.tail:
        lines = [*lines[: picture.head], Text("...", "dim"), *lines[-picture.tail :]]
    console.print(Text(f"$ {shown}", "bold"))
    for line in lines:
        console.print(line, overflow="ellipsis", no_wrap=True, crop=True)
    return console.export_svg(title=shown.partition(" ")[0], theme=MONOKAI, code_format=FORMAT, unique_id=picture.name)


def last_states(told: str) -> str:
    """The lines as they are in the end: of a line that was written over, the last state."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in told.split("\n")]
    return CURSOR.sub("", "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
