"""The test bench for Linux as a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkltest.program import Call, OtherTreePrograms, Program, TreeProgram

__all__ = ["Call", "OtherTreePrograms", "Program", "TreeProgram"]


def __getattr__(name: str) -> object:
    """Import what suites declare programs with only for them: pytest loads this package in every run of its users."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lkltest import program

    return getattr(program, name)
