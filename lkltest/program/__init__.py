"""Test programs: declaring one, launching it, reading its points, judging its end."""

from lkltest.program.declaration import Call, Program

__all__ = ["Call", "Program"]
