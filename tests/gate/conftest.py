"""Fixtures of the gate's tests: a real UML."""

from tests.uml.conftest import uml

__all__ = ["uml"]
