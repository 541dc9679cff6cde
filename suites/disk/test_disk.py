"""The disk suite: data survives on every file system, judged by the kernel and by the host."""

from collections.abc import Generator, Mapping

from lkltest import Disk, PowerCuts, Program, Result


@Program("disk.c", timeout=600)
def disk(image: Disk) -> Generator[list[str], Mapping[str, Result], None]:
    """Write, unmount, mount again, compare; then the host checks the image, and reads the files without the kernel."""
    results = yield image.arguments
    image.check(results)


@Program("broken.c", native=False)
def broken(broken_disk: list[str]) -> list[str]:
    """Disks that are cut short, overwritten, of another type, or that fail: refused or reported, never a crash."""
    return broken_disk


def test_power_cut(power_cuts: PowerCuts, cut: int) -> None:
    """After a power cut the disk mounts, holds all that was made durable, and the host's checker finds it clean."""
    power_cuts.judge(cut)
