"""System calls fuzzed on a real kernel: the names that property tests import.

A program here is a list of system calls, a kernel one in a worker process; those of `lkltest` are C programs, and
kernels as files. The names are imported when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkltest.lazy import attach

__all__ = [
    "MAX_CALLS",
    "NEEDS",
    "RETURN",
    "Array",
    "Call",
    "Description",
    "Directory",
    "Disk",
    "Feedback",
    "File",
    "FileModel",
    "Fill",
    "Kernel",
    "KernelConfig",
    "Namer",
    "Oracle",
    "Out",
    "Path",
    "Pointer",
    "Produces",
    "Profile",
    "Program",
    "Ran",
    "Raw",
    "Ref",
    "Refused",
    "SeenEdges",
    "Shape",
    "Text",
    "Value",
    "chosen",
    "compositions",
    "describe",
    "parse_program",
    "print_program",
    "programs",
    "renumber",
]

if TYPE_CHECKING:
    from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
    from lkltest.fuzz.exec.kernel import Disk, Kernel, KernelConfig
    from lkltest.fuzz.hypothesis.filemodel import Directory, File, FileModel, Path, Refused
    from lkltest.fuzz.hypothesis.oracle import Oracle, Ran
    from lkltest.fuzz.hypothesis.profiles import Profile, chosen
    from lkltest.fuzz.hypothesis.strategies import MAX_CALLS, compositions, programs
    from lkltest.fuzz.lang.contract import NEEDS, Shape
    from lkltest.fuzz.lang.describe import Description, describe
    from lkltest.fuzz.lang.naming import Namer
    from lkltest.fuzz.prog.edit import renumber
    from lkltest.fuzz.prog.text import parse_program, print_program
    from lkltest.fuzz.prog.values import (
        RETURN,
        Array,
        Call,
        Fill,
        Out,
        Pointer,
        Produces,
        Program,
        Raw,
        Ref,
        Text,
        Value,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "lkltest.fuzz.exec.feedback": "Feedback SeenEdges",
            "lkltest.fuzz.exec.kernel": "Disk Kernel KernelConfig",
            "lkltest.fuzz.hypothesis.filemodel": "Directory File FileModel Path Refused",
            "lkltest.fuzz.hypothesis.oracle": "Oracle Ran",
            "lkltest.fuzz.hypothesis.profiles": "Profile chosen",
            "lkltest.fuzz.hypothesis.strategies": "MAX_CALLS compositions programs",
            "lkltest.fuzz.lang.contract": "NEEDS Shape",
            "lkltest.fuzz.lang.describe": "Description describe",
            "lkltest.fuzz.lang.naming": "Namer",
            "lkltest.fuzz.prog.edit": "renumber",
            "lkltest.fuzz.prog.text": "parse_program print_program",
            "lkltest.fuzz.prog.values": (
                "RETURN Array Call Fill Out Pointer Produces Program Raw Ref Text Value"
            ),
        },
    )
