"""Built Linux kernel libraries: finding one, or fetching and building the default one."""

from lkltest.liblkl.model import Generation, Liblkl

__all__ = ["Generation", "Liblkl"]
