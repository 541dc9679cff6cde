"""The file systems of every kernel: names, mounts, mappings, locks, /proc and /sys."""

from lkltest import Kernel, Program, Settings

# Freed objects are filled and checked, so that a use after free is seen where it happens; SLUB only.
CHECKED = "--cmdline=slub_debug=FZPU"


@Program("vfs.c")
def vfs(kernel: Kernel, lkltest_settings: Settings) -> list[str]:
    """Run with the checks of the slab allocator, unless the user has parameters of their own for the kernel."""
    return [CHECKED] if kernel.linked and not lkltest_settings.cmdline else []
