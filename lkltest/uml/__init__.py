"""User Mode Linux: finding an executable, booting it, talking to its console."""

from lkltest.uml.executable import DEBIAN, default, find, inspect
from lkltest.uml.fpstate import Workaround, usable
from lkltest.uml.machine import booted, by_hand, command
from lkltest.uml.model import Uml

__all__ = ["DEBIAN", "Uml", "Workaround", "booted", "by_hand", "command", "default", "find", "inspect", "usable"]
