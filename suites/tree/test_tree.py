"""The tests of the kernel tree's own (tools/lkl/tests), unmodified, with what their shell wrappers pass them."""

from pathlib import Path

from lkltest import Call, TreeProgram
from lkltest.netns import LKL, PEER, PREFIX, Network

boot = TreeProgram("boot")


@TreeProgram("disk")
def disk(tree_disk: tuple[str, Path]) -> list[str]:
    """Mount a file system, read its root, unmount it."""
    kind, image = tree_disk
    return ["-d", str(image), "-t", kind]


@TreeProgram("net-test")
def net() -> list[str]:
    """Ping over the loopback device."""
    return ["--dst", "127.0.0.1"]


@TreeProgram("net-test")
def net_device(tree_link: Network) -> Call:
    """Ping a peer over a device."""
    name = next(word for word in tree_link.arguments if word.startswith("ifname=")).removeprefix("ifname=")
    address = ["--ip", LKL, "--netmask-len", str(PREFIX), "--dst", PEER]
    return Call(["--backend", tree_link.backend, "--ifname", name, *address], tree_link.wrapper)
