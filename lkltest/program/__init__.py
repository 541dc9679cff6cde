"""Test programs: declaring one, launching it, reading its points, judging its end."""

from lkltest.program.declaration import Call, OtherTreePrograms, Program, TreeProgram
from lkltest.program.tap_program import TapProgram, TapPrograms

__all__ = ["Call", "OtherTreePrograms", "Program", "TapProgram", "TapPrograms", "TreeProgram"]
