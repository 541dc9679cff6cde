"""Test programs: declaring one, launching it, reading its points, judging its end."""

from lkltest.program.declaration import Program

__all__ = ["Program"]
