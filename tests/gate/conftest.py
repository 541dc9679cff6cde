"""What the gate's tests share: a real UML."""

from tests.uml.conftest import uml

__all__ = ["uml"]
