"""The `lkltest doctor` command."""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lkltest import doctor
from lkltest.doctor import Kernel, Report
from lkltest.errors import Exit
from lkltest.settings import file as settings_file

INDENT = 9  # columns: the longest title and a gap
COMMANDS = ("pytest ", "lkltest ", "sudo ")  # the beginnings of steps that are commands

if TYPE_CHECKING:
    from rich.console import Console

def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--lkl", metavar="PATH", action="append", default=[],
                        help="a kernel to look at (default: LKLTEST_LKL, else the default kernel)")
    parser.add_argument("--uml", metavar="PATH", action="append", default=[],
                        help="a User Mode Linux to look at (default: LKLTEST_UML, else linux.uml if installed)")
    parser.add_argument("--variant", help="which default kernel: default, fast, coverage, or guided")
    parser.add_argument("--cc", metavar="CMD", help="C compiler for the kernel's machine")
    parser.add_argument("--cache", metavar="DIR", help="cache directory (default: the user's)")
    parser.add_argument("--details", action="store_true",
                        help="print all facts of each kernel, as for those that --lkl and --uml name, and all programs")
    parser.add_argument("--json", action="store_true", help="print everything as JSON (docs/kernels.md)")


def run(arguments: argparse.Namespace) -> int:
    """Print the facts about the machine, its kernels and suites; exit status 0 where every kernel can be tested."""
    from rich.console import Console

    settings = settings_file.load({name: getattr(arguments, name) for name in ("lkl", "uml", "variant", "cc", "cache")})
    report = doctor.examine(settings)
    if arguments.json:
        print(json.dumps(document(report), indent=2))
        return Exit.PASSED if report.ok else Exit.USAGE
    # Into a file or a pipe nothing is folded or cut.
    console = Console(width=None if sys.stdout.isatty() else 500, highlight=False)
    details = arguments.details or bool(arguments.lkl or arguments.uml)
    if details:
        for kernel in report.kernels:
            print_kernel(console, kernel)
    print_screen(console, report, kernels=not details)
    if arguments.details:
        print_programs(console, report)
    return Exit.PASSED if report.ok else Exit.USAGE


def document(report: Report) -> dict[str, object]:
    """The report as JSON has it."""
    return {
        "ok": report.ok,
        "machine": report.machine,
        "trouble": list(report.trouble),
        "kernels": [
            {"name": kernel.name, "kind": kernel.kind, "usable": kernel.usable, "state": kernel.state,
             "why": kernel.why, "next_step": kernel.next_step, "facts": dict(kernel.facts)}
            for kernel in report.kernels
        ],
        "suites": [{"name": suite.name, "runs": suite.runs, "state": suite.state} for suite in report.suites],
        "programs": [
            {"name": need.name, "there": there, "purpose": need.purpose, "package": need.package}
            for need, there in report.programs
        ],
        "cure": report.cure,
    }  # fmt: skip


def print_screen(console: Console, report: Report, *, kernels: bool) -> None:
    """Print the machine, the kernels, the suites and what is missing on one screen."""
    from rich.text import Text

    width = max(console.width - INDENT, 20)
    for title, rows in sections(report, kernels=kernels):
        for number, (text, style) in enumerate(rows):
            lines = fold(text, width)
            begin = Text(("" if number else title).ljust(INDENT), "bold")
            console.print(begin, Text(f"\n{'':{INDENT}}".join(lines), style), sep="", soft_wrap=True)
    if kernels:
        console.print("All facts: lkltest doctor --details; for scripts: lkltest doctor --json", style="dim")


def fold(text: str, width: int) -> list[str]:
    """The lines of a text, which keeps long words whole; of a command, such as a shell takes."""
    command = text.startswith(COMMANDS)
    lines = textwrap.wrap(text, width - 2 * command, break_long_words=False, break_on_hyphens=False)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:] if command else lines


Row = tuple[str, str]  # a text and its style


def sections(report: Report, *, kernels: bool) -> Iterable[tuple[str, list[Row]]]:
    """The parts of the screen: a title and its rows."""
    own = report.machine
    yield "machine", [
        (f"{own['processor']}; {own['system']}", ""), (f"Python {own['python']}; {own['compiler']}", ""),
        *((sentence, "red") for sentence in report.trouble),
    ]  # fmt: skip
    if kernels:
        wide = max(len(kernel.name) for kernel in report.kernels)
        yield "kernels", [(f"{kernel.name:<{wide}}  {kernel.state}: {kernel.why or kernel.summary}", style_of(kernel))
                          for kernel in report.kernels]
    wide = max(len(suite.name) for suite in report.suites)
    yield "suites", [(f"{suite.name:<{wide}}  {suite.state}", "" if suite.runs else "yellow")
                     for suite in report.suites]
    absent = [f"{need.name} ({need.purpose})" for need in report.missing]
    yield "missing", [("; ".join(absent) or "no program", "yellow" if absent else "")]
    steps = [report.cure, *(kernel.next_step for kernel in report.kernels)]
    # A step that is nothing but a command is shown as one can copy it.
    yield "next", [(re.sub("^`([^`]*)`$", r"\1", step), "") for step in steps if step]


def style_of(kernel: Kernel) -> str:
    """The colour of a kernel's line."""
    return "red" if kernel.why else "green" if kernel.state == doctor.USABLE else "yellow"


def print_kernel(console: Console, kernel: Kernel) -> None:
    """Print one kernel: a headline, and all that is known of it."""
    console.print(kernel.name, style="bold", markup=False)
    rows = [*kernel.facts, ("state", kernel.state)]
    rows += [("why", kernel.why)] if kernel.why else []
    rows += [("next step", kernel.next_step)] if kernel.next_step else []
    for name, value in rows:
        style = {"state": style_of(kernel), "why": "red", "note": "yellow"}.get(name)
        console.print(f"  {name:<15} {value}", style=style, markup=False, soft_wrap=True)
    console.print()


def print_programs(console: Console, report: Report) -> None:
    """Print the programs of the host that lkltest may use."""
    from rich.table import Table

    table = Table(title="\nprograms of this host", title_justify="left", box=None, pad_edge=False)
    for column in ("program", "state", "for", "package"):
        table.add_column(column)
    for need, there in report.programs:
        table.add_row(need.name, "[green]there[/]" if there else "[red]missing[/]", need.purpose, need.package)
    console.print(table)
