"""User Mode Linux: finding an executable, booting it, talking to its console."""

from lkltest.uml.executable import DEBIAN, check_executable, check_machine, default, find, inspect, read
from lkltest.uml.fpstate import Workaround, usable
from lkltest.uml.machine import booted, booted_on_host, by_hand, command
from lkltest.uml.memory import memory_elsewhere
from lkltest.uml.model import Uml

__all__ = [
    "DEBIAN",
    "Uml",
    "Workaround",
    "booted",
    "booted_on_host",
    "by_hand",
    "check_executable",
    "check_machine",
    "command",
    "default",
    "find",
    "inspect",
    "memory_elsewhere",
    "read",
    "usable",
]
