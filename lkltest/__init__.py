"""The test bench for Linux as a library."""

from lkltest.program import Program

__all__ = ["Program"]
