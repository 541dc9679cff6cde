"""The disk suite: data survives on every file system, judged by the kernel and by the host."""

from collections.abc import Generator, Mapping

from lkltest import Disk, Kernel, PowerCuts, Program, Result, Settings

MEMORY = 128 << 20  # bytes: an xfs log is read in pieces of 4 MiB, which a full memory of 64 MiB does not have


@Program("disk.c", timeout=600)
def disk(
    kernel: Kernel, image: Disk, lkltest_settings: Settings
) -> Generator[list[str], Mapping[str, Result], None]:
    """Write, unmount, mount again, compare; then the host checks the image, and reads the files without the kernel."""
    little = kernel.linked and image.type == "xfs" and lkltest_settings.mem < MEMORY
    memory = [f"--mem={MEMORY}"] if little else []
    results = yield [*image.arguments, *memory]
    image.check(results)


@Program("broken.c", native=False)
def broken(broken_disk: list[str]) -> list[str]:
    """Disks that are cut short, overwritten, of another type, or that fail: refused or reported, never a crash."""
    return broken_disk


def test_power_cut(power_cuts: PowerCuts, cut: int) -> None:
    """After a power cut the disk mounts, holds all that was made durable, and the host's checker finds it clean."""
    power_cuts.judge(cut)
