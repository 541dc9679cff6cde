"""Disk images fuzzed: mutated images are mounted, and used by programs of system calls."""
