"""The KUnit tests of a kernel tree (--lkl-kunit-tree), or of a built kernel (--uml, --lkl): see docs/kunit.md."""

from lkltest import KUnit

kunit = KUnit()
