"""The test bench for Linux as a library."""

from lkltest.program import Call, Program, TreeProgram

__all__ = ["Call", "Program", "TreeProgram"]
