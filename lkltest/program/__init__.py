"""Test programs: declaring one, launching it, reading its points, judging its end."""

from lkltest.program.declaration import Call, Program, TreeProgram

__all__ = ["Call", "Program", "TreeProgram"]
