"""A program in which one point crashes the kernel: the picture of a crash report in the README is made from it."""

from lkltest import Program

crash = Program("crash.c")
