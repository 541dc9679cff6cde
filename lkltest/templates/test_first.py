"""Tests of the kernel: each point of first.c is an item."""

from lkltest import Program

first = Program("first.c")
