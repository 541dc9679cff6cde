"""The boot suite: the kernel starts, does a bit of everything, and stops."""

from lkltest import Program

boot = Program("boot.c")
