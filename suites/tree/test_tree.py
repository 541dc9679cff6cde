"""The tests of the kernel tree's own (tools/lkl/tests), unmodified, with what their shell wrappers pass them."""

import os
from pathlib import Path

import pytest

from lkltest import Call, OtherTreePrograms, TreeProgram

boot = TreeProgram("boot")


@TreeProgram("disk")
def disk(tree_disk: tuple[str, Path]) -> list[str]:
    """Mount a file system, read its root, unmount it."""
    kind, image = tree_disk
    return ["-d", str(image), "-t", kind]


@TreeProgram("net-test")
def net(tree_loopback: list[str]) -> list[str]:
    """Ping over the loopback device."""
    return tree_loopback


@TreeProgram("net-test")
def net_device(tree_link: Call) -> Call:
    """Ping a peer over a device."""
    return tree_link


def pci_disk() -> list[str]:
    """The arguments that name a PCI disk; skips where there is none."""
    address, _, kind = os.environ.get("LKLTEST_VFIO_PCI", "").partition(",")
    if not address:
        pytest.skip("no PCI disk: bind one to vfio-pci, and name it with LKLTEST_VFIO_PCI=0000:00:03.0,ext4")
    return ["-n", address, "-t", kind or "ext4"]


@TreeProgram("disk-vfio-pci")
def disk_vfio_pci() -> list[str]:
    """Mount a PCI disk that the host has handed over to VFIO."""
    return pci_disk()


@TreeProgram("vfio-pci")
def vfio_pci() -> list[str]:
    """Mount a PCI disk: the name of this program in older trees."""
    return pci_disk()


others = OtherTreePrograms(known=("boot", "disk", "disk-vfio-pci", "net-test", "vfio-pci"))
