"""The few error types of lkltest."""

from __future__ import annotations

import enum

KERNEL_LOST = "kernel_lost"  # the property of a test that failed because its kernel was lost: how
UNUSABLE = "unusable"  # the property of a test whose kernel this host cannot run: the reason


class Exit(enum.IntEnum):
    """Exit codes of every `lkltest` command (under pytest: 1, and pytest's own 4 for `UsageError`)."""

    PASSED = 0  # everything that was asked for
    FAILED = 1  # a test, a stream, or a tool that was called
    USAGE = 2  # the user or the machine must mend something; there is no verdict
    KERNEL_LOST = 3  # the kernel under test crashed or hung
    DOES_NOT_BUILD = 125  # what `git bisect run` skips


class LkltestError(Exception):
    """The base of all errors that a user is meant to read: the message stands alone, without a traceback.

    Every message names the object, the likely cause and the next step.
    """

    exit_code = Exit.FAILED


class UsageError(LkltestError):
    """The user or the machine must mend something: a wrong path, a missing program, no network."""

    exit_code = Exit.USAGE


class UnusableKernel(UsageError):
    """A kernel that this host cannot run, which is no fault of the kernel's: its tests are skipped with this reason."""


class BuildError(LkltestError):
    """A tool that lkltest called failed on its input: the compiler, make, mkfs.

    `output` is what the tool printed, for the report.
    """

    def __init__(self, message: str, output: str = "", exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.output = output
        self.exit_code = exit_code


class KernelLost(LkltestError):
    """The kernel under test crashed, hung or went away, so that no verdict came back."""

    exit_code = Exit.KERNEL_LOST


class PropertyFailed(AssertionError):
    """A kernel that fails in a property's test, with the files that show how."""

    program = "program.txt"  # among the files, for `lkltest replay`

    def __init__(self, title: str, name: str, text: str, files: dict[str, str]) -> None:
        super().__init__(text)
        self.title = title
        self.name = name  # the same for the same failure; a file may be named so
        self.files = files  # by their names
