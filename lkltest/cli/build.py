"""The `lkltest build` command."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from lkltest import liblkl
from lkltest.errors import Exit
from lkltest.host.progress import Bar
from lkltest.settings import file as settings_file


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    # Messages name the options as pytest has them.
    parser.add_argument("--variant", "--lkl-variant",
                        help="which kernel: default, fast (without btrfs: boots in 0.1 s, not 1.5 s), "
                             "coverage (instrumented), or guided (fast, instrumented for the fuzzer)")
    parser.add_argument("--jobs", "-j", "--lkl-jobs", metavar="N", help="parallel jobs (default: one a core)")
    parser.add_argument("--cache", "--lkl-cache", metavar="DIR", help="cache directory (default: the user's)")
    parser.add_argument("--lkl", metavar="PATH", action="append", default=[],
                        help="build this LKL tree instead, where it lies, if it is not built or older than its sources")


def run(arguments: argparse.Namespace) -> int:
    """Build what is not built yet; print where it is."""
    settings = settings_file.load({name: getattr(arguments, name) for name in ("variant", "jobs", "cache", "lkl")})
    began = time.time()
    with Bar() as bar:
        if arguments.lkl:  # and not LKLTEST_LKL: this command is asked for the default kernel then
            found = list(liblkl.kernels(replace(settings, build=True), bar))
        else:
            found = [liblkl.default(settings, progress=bar)]
    for kernel in found:
        about = f"Linux {kernel.version}, {kernel.generation.value}, {kernel.machine}"
        kept = arguments.lkl and kernel.output and kernel.built < began
        compared = "up to date" if kernel.root else "not compared: its sources are not there"
        print(f"{kernel.name}: {kernel.path} ({about})" + (f", {compared}" if kept else ""))
        print(f"  {kernel.library}")
    return Exit.PASSED
