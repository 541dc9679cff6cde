"""The test bench for Linux as a library: the names that suites and users import.

All of them are public, and documented in docs/reference/; a module that is not among them may change at any time.
They are imported when they are used: pytest loads this package in every run of its users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkltest.lazy import attach

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "Call",
    "Console",
    "Disk",
    "Exit",
    "KUnit",
    "Kernel",
    "KernelLost",
    "Kselftest",
    "Liblkl",
    "LkltestError",
    "MissingTool",
    "Network",
    "OtherTreePrograms",
    "Panic",
    "PowerCuts",
    "Program",
    "Result",
    "Settings",
    "State",
    "TapProgram",
    "TapPrograms",
    "TreeProgram",
    "Uml",
    "UnusableKernel",
    "UsageError",
    "__version__",
    "booted",
    "booted_on_host",
    "built_program",
    "cc",
    "compile_for",
    "fuzz",
    "image",
    "liblkl",
    "netns",
    "process",
    "symbolize",
    "tap",
    "uml",
]

if TYPE_CHECKING:
    from lkltest import cc, fuzz, image, liblkl, tap, uml
    from lkltest.crash import symbolize
    from lkltest.errors import BuildError, Exit, KernelLost, LkltestError, UnusableKernel, UsageError
    from lkltest.host import netns, process
    from lkltest.host.netns import Network
    from lkltest.image.disk import Disk
    from lkltest.image.tools import MissingTool
    from lkltest.kernel import Kernel
    from lkltest.kselftest.declaration import Kselftest
    from lkltest.kunit.declaration import KUnit
    from lkltest.liblkl.model import Liblkl
    from lkltest.plugin.images import PowerCuts
    from lkltest.program.applications import built_program
    from lkltest.program.declaration import Call, OtherTreePrograms, Program, TreeProgram
    from lkltest.program.launch import compile_for
    from lkltest.program.results import Result, State
    from lkltest.program.tap_program import TapProgram, TapPrograms
    from lkltest.settings import Settings
    from lkltest.uml.console import Console, Panic
    from lkltest.uml.machine import booted, booted_on_host
    from lkltest.uml.model import Uml
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "lkltest.errors": "BuildError Exit KernelLost LkltestError UnusableKernel UsageError",
            "lkltest.host.netns": "Network",
            "lkltest.image.disk": "Disk",
            "lkltest.image.tools": "MissingTool",
            "lkltest.kernel": "Kernel",
            "lkltest.kselftest.declaration": "Kselftest",
            "lkltest.kunit.declaration": "KUnit",
            "lkltest.liblkl.model": "Liblkl",
            "lkltest.plugin.images": "PowerCuts",
            "lkltest.program.applications": "built_program",
            "lkltest.program.declaration": "Call OtherTreePrograms Program TreeProgram",
            "lkltest.program.launch": "compile_for",
            "lkltest.program.results": "Result State",
            "lkltest.program.tap_program": "TapProgram TapPrograms",
            "lkltest.settings": "Settings",
            "lkltest.uml.console": "Console Panic",
            "lkltest.uml.machine": "booted booted_on_host",
            "lkltest.uml.model": "Uml",
        },
        {
            "cc": "lkltest.cc",
            "fuzz": "lkltest.fuzz",
            "image": "lkltest.image",
            "liblkl": "lkltest.liblkl",
            "netns": "lkltest.host.netns",
            "process": "lkltest.host.process",
            "symbolize": "lkltest.crash.symbolize",
            "tap": "lkltest.tap",
            "uml": "lkltest.uml",
        },
    )
