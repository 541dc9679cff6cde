"""The kselftests of a kernel tree (--lkl-kselftest-tree), each in a UML of its own: see docs/kselftest.md."""

from lkltest import Kselftest

kselftest = Kselftest()
