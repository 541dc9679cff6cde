"""The `lkltest doctor` command."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest import liblkl
from lkltest.errors import Exit, LkltestError
from lkltest.host import programs
from lkltest.liblkl import Generation, Liblkl
from lkltest.settings import Settings
from lkltest.settings import file as settings_file

if TYPE_CHECKING:
    from rich.console import Console

START = {
    Generation.G1: "lkl_start_kernel(&lkl_host_ops, mem_bytes, fmt, ...)",
    Generation.G2: "lkl_start_kernel(&lkl_host_ops, fmt, ...)",
    Generation.G3: "lkl_init(&lkl_host_ops), lkl_start_kernel(fmt, ...), lkl_cleanup()",
    Generation.UML: "lkl_start_kernel(&lkl_host_ops, fmt, ...), UML's library mode",
}

# The options that suites need: they skip the points for which one is missing.
FEATURES = {
    "ext4": "CONFIG_EXT4_FS", "xfs": "CONFIG_XFS_FS", "btrfs": "CONFIG_BTRFS_FS", "vfat": "CONFIG_VFAT_FS",
    "virtio disks": "CONFIG_VIRTIO_BLK", "virtio net": "CONFIG_VIRTIO_NET", "IPv4": "CONFIG_INET",
    "IPv6": "CONFIG_IPV6", "epoll": "CONFIG_EPOLL", "eventfd": "CONFIG_EVENTFD",
}  # fmt: skip
UML_FEATURES = {  # in the place of virtio's
    "ubd disks": "CONFIG_BLK_DEV_UBD", **{name: option for name, option in FEATURES.items() if "virtio" not in name},
}
CHECKERS = ("KASAN", "UBSAN", "KCSAN", "KMEMLEAK", "PROVE_LOCKING", "DEBUG_LOCKDEP", "KCOV", "GCOV_KERNEL")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--lkl", metavar="PATH", action="append", default=[],
                        help="a kernel to look at (default: LKLTEST_LKL, else the default kernel)")
    parser.add_argument("--uml", metavar="PATH", action="append", default=[],
                        help="a User Mode Linux to look at (default: LKLTEST_UML, else linux.uml if installed)")
    parser.add_argument("--variant", help="which default kernel: default, fast, or coverage")
    parser.add_argument("--cc", metavar="CMD", help="C compiler for the kernel's machine")
    parser.add_argument("--cache", metavar="DIR", help="cache directory (default: the user's)")


def run(arguments: argparse.Namespace) -> int:
    """Print the facts about the kernels and the host; exit status 0 where every kernel can be tested."""
    from rich.console import Console

    settings = settings_file.load({name: getattr(arguments, name) for name in ("lkl", "uml", "variant", "cc", "cache")})
    # Into a file or a pipe nothing is folded or cut.
    console = Console(width=None if sys.stdout.isatty() else 500, highlight=False, soft_wrap=True)
    usable = [examine(console, path, settings) for path in settings.lkl or (None,)]
    usable += examine_umls(console, settings)
    host(console, settings)
    return Exit.PASSED if all(usable) else Exit.USAGE


def examine(console: Console, path: Path | None, settings: Settings) -> bool:
    """Print one kernel; whether it can be tested."""
    if path is None and not liblkl.is_built(settings):
        print_title(console, liblkl.default_name(settings))
        absent = programs.missing((*programs.FETCH, *programs.BUILD))
        step = f"{programs.cure(absent)}, then `lkltest build`" if absent else "`lkltest build` (5 minutes, 9 MB)"
        print_rows(console, [("state", "not built yet"), ("next step", step)])
        return False
    try:
        kernel = liblkl.describe(path, settings) if path else liblkl.default(settings)
    except LkltestError as error:
        print_title(console, str(path or liblkl.default_name(settings)))
        print_rows(console, [("state", "not usable"), ("why", str(error))])
        return False
    print_title(console, settings.names.get(kernel.path, kernel.name))
    print_rows(console, facts(kernel, settings))
    try:
        liblkl.require_runnable(kernel, settings)
    except LkltestError as error:
        print_rows(console, [("state", "not usable here"), ("next step", str(error))])
        return False
    stale = liblkl.stale(kernel)
    chosen = [f"--lkl={kernel.path}"] if path else []
    command = ["lkltest", "build"] if stale else ["pytest", "suites/"]
    print_rows(console, [("state", stale or "usable"), ("next step", shlex.join([*command, *chosen]))])
    return True


def examine_umls(console: Console, settings: Settings) -> list[bool]:
    """Print the UMLs that were named, and whether each can run here; else the installed one, which nobody asked for."""
    from lkltest import uml

    installed = None if settings.uml else shutil.which(uml.DEBIAN)
    paths = [Path(installed)] if installed else settings.uml
    found = [examine_uml(console, path, settings) for path in paths]
    return found if settings.uml else []


def examine_uml(console: Console, path: Path, settings: Settings) -> bool:
    """Print one UML; whether it can run here."""
    from lkltest import uml

    name, rows = str(path), [("from", str(path))]
    try:
        kernel = uml.find(path, settings)
        name = kernel.name
        rows += [("Linux", kernel.version), ("machine", kernel.machine)]
        note = uml.usable(kernel).note
        rows += [("runs", note)] if note else []
        rows.append(("state", "usable"))
    except LkltestError as error:
        rows += [("state", "not usable"), ("why", str(error))]
    print_title(console, name)
    step = ("next step", shlex.join(["pytest", "suites/uml", "suites/boot", f"--uml={path}"]))
    print_rows(console, [*rows, step] if rows[-1][0] == "state" else rows)
    return rows[-1][0] == "state"


def facts(kernel: Liblkl, settings: Settings) -> Iterable[tuple[str, str]]:
    """The facts about a kernel, as rows of a table."""
    from lkltest.liblkl import headers

    yield "from", kernel.origin
    yield "Linux", f"{kernel.version}, built {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(kernel.built))}"
    yield "API", f"{kernel.generation.value}: {START[kernel.generation]}"
    yield "machine", kernel.machine
    yield "static library", size(kernel.static)
    yield "shared library", size(kernel.shared)
    yield "headers", " ".join(map(str, kernel.include))
    yield "compile with", shlex.join([*(f"-I{folder}" for folder in kernel.include), *kernel.cflags])
    yield "link with", shlex.join([str(kernel.library), *kernel.libs])
    yield "coverage", (f"instrumented ({kernel.instrumented}): collect it with pytest --lkl-cov" if kernel.instrumented
                       else "not instrumented: see docs/coverage.md for how to build it")
    yield "host's part", ", ".join(sorted(kernel.host)) or "not told by the headers"
    defined = len([name for name in kernel.symbols if name.startswith("lkl_")])
    yield "functions", f"{defined} lkl_* in the library, {len(kernel.inlines)} inline in the headers"
    yield "constants", f"{len(headers.constants(kernel, settings))} in the headers"
    yield "sources", str(kernel.root or "not there")
    if kernel.output != kernel.root:
        yield "built in", str(kernel.output)
    yield "its own tests", str(kernel.tests or "none")
    if kernel.config:
        features = UML_FEATURES if kernel.generation is Generation.UML else FEATURES
        yield "has", ", ".join(name for name, option in features.items() if option in kernel.config)
        lacks = [f"{name} ({option})" for name, option in features.items() if option not in kernel.config]
        yield "lacks", ", ".join(lacks) or "nothing that the suites use"
    if kernel.config or kernel.kasan:
        found = [name for name in CHECKERS if f"CONFIG_{name}" in kernel.config or (name == "KASAN" and kernel.kasan)]
        yield "checkers", ", ".join(found) or "none"
    for note in kernel.notes:
        yield "note", note


def size(library: Path | None) -> str:
    """A library with its size."""
    return f"{library} ({library.stat().st_size / 1e6:.0f} MB)" if library else "none"


def host(console: Console, settings: Settings) -> None:
    """Print which of the programs that lkltest may use are there, and how to get the others."""
    from rich.table import Table

    table = Table(title="programs of this host", title_justify="left", box=None, pad_edge=False)
    for column in ("program", "state", "for", "package"):
        table.add_column(column)
    own = [need for need in (*programs.FETCH, *programs.BUILD) if not liblkl.is_built(settings) and not settings.lkl]
    wanted = list({need.name: need for need in (*own, *programs.PROGRAMS, *programs.DISKS, *programs.OTHERS)}.values())
    for need in wanted:
        there = need.met()
        state = "[green]there[/]" if there else "[red]missing[/]"
        table.add_row(need.name, state, need.purpose, "" if there else need.package)
    console.print(table)
    absent = programs.missing(wanted)
    if absent:
        console.print(f"\nto get all that is missing: {programs.cure(absent)}", markup=False)


def print_title(console: Console, title: str) -> None:
    """Print the headline of one kernel."""
    console.print(title, style="bold", markup=False)


def print_rows(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values, aligned; what is wrong stands out."""
    for name, value in rows:
        style = {"state": "green" if value == "usable" else "yellow", "why": "red", "note": "yellow"}.get(name)
        console.print(f"  {name:<15} {value}", style=style, markup=False)
    if any(name in {"next step", "why"} for name, _ in rows if isinstance(rows, list)):
        console.print()
