"""Test programs: declaring one, launching it, reading its points, judging its end."""

from lkltest.program.declaration import Call, OtherTreePrograms, Program, TreeProgram

__all__ = ["Call", "OtherTreePrograms", "Program", "TreeProgram"]
