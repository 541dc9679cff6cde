"""The KUnit tests of a kernel tree (--lkl-kunit-tree), or of a built UML (--uml): see docs/kunit.md."""

from lkltest import KUnit

kunit = KUnit()
