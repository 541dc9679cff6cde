"""Recipes of the kernels that lkltest builds by itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.errors import UsageError

if TYPE_CHECKING:
    from lkltest.settings import Settings

# The options that the suites use: without one of them, tests would silently become skips.
SUITES_NEED = (
    "CONFIG_NET", "CONFIG_INET", "CONFIG_IPV6", "CONFIG_VIRTIO_BLK", "CONFIG_VIRTIO_NET",
    "CONFIG_PROC_FS", "CONFIG_SYSFS", "CONFIG_EPOLL", "CONFIG_EVENTFD", "CONFIG_KALLSYMS", "CONFIG_DEBUG_INFO",
    "CONFIG_EXT4_FS", "CONFIG_XFS_FS", "CONFIG_VFAT_FS",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A recipe for one kernel: an npm package with an LKL tree in it, and the changes made before the build."""

    name: str  # of the kernel, part of the ids of test items: "lkl-4.9.0"
    package: str  # npm's name for it
    version: str  # of the package
    integrity: str  # the published checksum: "sha512-" and base64
    tree: str  # where the kernel tree is in the package
    release: str  # the kernel's version, as its banner gives it
    objects: int  # files that its build compiles, for the progress bar
    required: tuple[str, ...]  # options that must be set once it is configured
    forbidden: tuple[str, ...] = ()  # options that are taken out of the defconfig
    added: tuple[str, ...] = ()  # lines added to the defconfig: "CONFIG_KASAN=y"
    patches: tuple[Path, ...] = ()  # applied with patch -p1 at the tree's root, in this order
    kcflags: tuple[str, ...] = ()  # for the kernel's C files: "-fsanitize-coverage=trace-pc"

    @property
    def spec(self) -> str:
        """The package's name and version for npm: "lkl@1.0.3"."""
        return f"{self.package}@{self.version}"

    def patched(self, *patches: Path, name: str = "") -> Recipe:
        """The same kernel with patches applied; its name says so."""
        title = name or "-".join([self.name, *(patch.stem for patch in patches)])
        return replace(self, name=title, patches=(*self.patches, *patches))

    def key(self) -> str:
        """A short name for all that makes the kernel what it is, the contents of the patches included."""
        from lkltest.host import cache

        try:
            patches = [patch.read_bytes() for patch in self.patches]
        except OSError as error:
            raise UsageError(f"cannot read the patch {error.filename}: {error.strerror}; mend its path") from None
        texts = (self.spec, self.integrity, self.tree, *self.required, "-", *self.forbidden, "-", *self.added, "-",
                 *self.kcflags)
        return cache.key(*texts, *patches, os.uname().machine)


# The kernel that is tested where nothing is named.
DEFAULT = Recipe(
    name="lkl-4.9.0",
    package="lkl",
    version="1.0.3",
    integrity="sha512-x9RxwXaQbeEsKs0Qd0tZWZiJrxnkUxueGY56ZrHisLmzugtFgcVKqhB5k5H2I9C6aQIBa2UUEyy/9zWcAjAaqQ==",
    tree="package/src/linux",
    release="4.9.0",
    objects=851,
    required=(*SUITES_NEED, "CONFIG_BTRFS_FS"),
)

# The default kernel without btrfs, whose RAID6 and XOR benchmark is nearly all of the boot time: 1.5 s against 0.1 s.
FAST = replace(
    DEFAULT, name="lkl-4.9.0-fast", objects=783, required=SUITES_NEED,
    forbidden=("CONFIG_BTRFS_FS", "CONFIG_BTRFS_FS_POSIX_ACL"),
)  # fmt: skip

# The default kernel, whose every basic block calls __sanitizer_cov_trace_pc().
COVERAGE = replace(DEFAULT, name="lkl-4.9.0-coverage", kcflags=("-fsanitize-coverage=trace-pc",))

# The fast kernel for a guided fuzzer: it reports its basic blocks, and the numbers that it compares.
GUIDED = replace(FAST, name="lkl-4.9.0-guided", kcflags=("-fsanitize-coverage=trace-pc,trace-cmp",))

VARIANTS = {"default": DEFAULT, "fast": FAST, "coverage": COVERAGE, "guided": GUIDED}


def chosen(settings: Settings) -> Recipe:
    """The recipe that the user's `--lkl-variant` names; raises UsageError for a name that is none.

    Where coverage is collected, the default one is the instrumented one.
    """
    if settings.cov is not None and settings.variant == "default":
        return COVERAGE
    try:
        return VARIANTS[settings.variant]
    except KeyError:
        names = ", ".join(VARIANTS)
        raise UsageError(f"--lkl-variant: no variant {settings.variant!r}: name one of {names}") from None
