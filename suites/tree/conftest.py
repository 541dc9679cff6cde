"""The disks and links that a tree's own tests run on."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkltest import Call, Liblkl, MissingTool, Settings, TreeProgram, UsageError, compile_for, image, netns

_recipes = functools.cache(lambda: image.load([image.shipped()]))

OPTIONS = {"ext4": "EXT4_FS", "vfat": "VFAT_FS", "btrfs": "BTRFS_FS", "xfs": "XFS_FS"}


@pytest.fixture(scope="class", params=list(OPTIONS))
def tree_disk(request: pytest.FixtureRequest, kernel: Liblkl) -> Iterator[tuple[str, Path]]:
    """An empty file system of each type that the tree's disk.sh knows; a skip where the kernel lacks it.

    The tree's program crashes on a kernel without the file system, so that must be known before.
    """
    kind = request.param
    if kernel.config and f"CONFIG_{OPTIONS[kind]}" not in kernel.config:
        pytest.skip(f"{kernel.name} has no {kind}: CONFIG_{OPTIONS[kind]}")
    recipe = next(recipe for recipe in _recipes() if recipe.name == kind)
    with image.scratch_directory() as directory:
        try:
            yield kind, image.make(recipe, kernel.version, directory, pack=False).path
        except MissingTool as missing:
            pytest.skip(str(missing))


# The options without which a point of the tree's boot program fails.
POINTS = {
    "mount_fs_proc": "PROC_FS", "chdir_proc": "PROC_FS", "umount_fs_proc": "PROC_FS", "lo_ifup": "NET",
    "epoll": "EPOLL",
}  # fmt: skip


@pytest.fixture(autouse=True)
def tree_point(request: pytest.FixtureRequest, kernel: Liblkl) -> None:
    """Skips a point of the tree's boot program that this kernel's configuration cannot let pass."""
    name, _, _ = request.node.name.partition("[")
    if "::boot::" in request.node.nodeid and name in POINTS:
        need(kernel, POINTS[name])


def need(kernel: Liblkl, *options: str) -> None:
    """Skip a test on a kernel of which it is known that it lacks one of these options."""
    for option in options:
        if kernel.config and f"CONFIG_{option}" not in kernel.config:
            pytest.skip(f"{kernel.name} lacks CONFIG_{option}")


@pytest.fixture(scope="class")
def tree_loopback(kernel: Liblkl) -> list[str]:
    """The arguments for a ping over the loopback device; a skip where net-test would not even link."""
    need(kernel, "NET", "INET")
    return ["--dst", "127.0.0.1"]


@pytest.fixture(scope="class", params=["tap", "pipe", "raw", "macvtap"])
def tree_link(
    request: pytest.FixtureRequest,
    kernel: Liblkl,
    lkltest_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Call:
    """The run of net-test on each back end that the tree's net.sh knows, with a peer that answers pings only."""
    need(kernel, "NET", "INET", "VIRTIO_NET")
    backend = request.param
    if f"lkl_netdev_{backend}_create" not in kernel.symbols:
        pytest.skip(f"{kernel.name} has no back end {backend}: its library lacks lkl_netdev_{backend}_create()")
    directory = tmp_path_factory.mktemp(backend)
    peer, ready = ["sleep", "infinity"], ""
    if backend == "pipe":
        program = compile_for(TreeProgram("net-test"), kernel, lkltest_settings)
        address = ["--ip", netns.PEER, "--netmask-len", str(netns.PREFIX), "--sleep", "3600"]
        peer = [str(program), "--backend", "pipe", "--ifname", netns.far_name(directory), *address]
        ready = " sleep\n"  # the point that the peer stays in
    try:
        link = netns.network(backend, directory, peer, ready)
    except UsageError as error:
        pytest.skip(str(error))
    address = ["--ip", netns.LKL, "--netmask-len", str(netns.PREFIX), "--dst", netns.PEER]
    return Call(["--backend", backend, "--ifname", link.ifname, *address], link.wrapper)
