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


@pytest.fixture(scope="class", params=["tap", "pipe", "raw", "macvtap"])
def tree_link(
    request: pytest.FixtureRequest,
    kernel: Liblkl,
    lkltest_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Call:
    """The run of net-test on each back end that the tree's net.sh knows, with a peer that answers pings only."""
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
