"""The file systems of every kernel: names, mounts, mappings, locks, /proc and /sys."""

from lkltest import Program

vfs = Program("vfs.c")
