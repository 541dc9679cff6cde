"""The `lkltest` command: arguments, printing and exit codes, and nothing else."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence

from lkltest.errors import Exit, LkltestError

# Each subcommand is a module of this package with two functions: configure(parser) declares its arguments,
# run(arguments) does the work, prints, and returns the exit code. Only the one that is asked for is imported.
COMMANDS = {
    "build": "fetch and build the default liblkl, and print where it is",
    "doctor": "examine this machine: kernels, suites, what is missing, the command that cures it",
    "init": "write a test directory of your own: a C program, a suite file, a CI workflow",
    "tap": "read any TAP stream and summarize it",
    "fuzz": "fuzz system calls of a kernel",
    "corpus": "show, merge, minimize and measure the programs that guided fuzzing has kept",
    "replay": "run a finding of the fuzzer, or a disk's power cut, again",
    "unpack": "unpack the disk images that a failure has left",
    "kunit": "run the KUnit tests of a kernel tree in User Mode Linux",
    "cov": "merge, report and compare saved coverage of kernels",
    "gate": "build and boot stock UML (and LKL) from a kernel tree, with one verdict",
}
SHELLS = ("bash", "zsh", "tcsh")
OVERVIEW = "overview"  # the module of the command without a subcommand


def print_any_letter() -> None:
    """Let a letter that the locale's encoding lacks be printed as an escape, and end no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # and no replacement, as tests have
            stream.reconfigure(errors="backslashreplace")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code (see `lkltest.errors.Exit`)."""
    print_any_letter()
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="lkltest", description="The test bench for Linux as a library.")
    parser.add_argument("--version", action="store_true", help="print the version, and the kernels'")
    parser.add_argument("--print-completion", metavar="SHELL", choices=SHELLS,
                        help="print the script that completes commands, options and paths in bash, zsh or tcsh")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every command that is run")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    wanted = {next((word for word in words if word in COMMANDS), "")}
    if any(word.startswith("--print-completion") for word in words):
        wanted = set(COMMANDS)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name in wanted:
            importlib.import_module(f"lkltest.cli.{name}").configure(subparser)
    arguments = parser.parse_args(words)
    if arguments.verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(message)s")
    command = f"lkltest {arguments.command}" if arguments.command else "lkltest"
    try:
        if arguments.print_completion:
            from lkltest.cli import completion

            print(completion.script(parser, arguments.print_completion))
            return int(Exit.PASSED)
        return int(importlib.import_module(f"lkltest.cli.{arguments.command or OVERVIEW}").run(arguments))
    except LkltestError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print(f"{command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as `head` does: not an error, and nothing more to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.PASSED)
