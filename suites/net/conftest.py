"""The links that the net suite's programs run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest import Liblkl, Network, Settings, UsageError, cc, netns

PEER = Path(__file__).parent / "peer.c"


@pytest.fixture(scope="class", params=["tap", "pipe", "raw", "macvtap"])
def link(
    request: pytest.FixtureRequest,
    kernel: Liblkl,
    lkltest_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Network:
    """A link of each back end, in a network namespace of its own; a skip where kernel or machine cannot have it."""
    for option in ("CONFIG_NET", "CONFIG_VIRTIO_NET"):
        if kernel.config and option not in kernel.config:
            pytest.skip(f"{kernel.name} lacks {option}")
    backend = request.param
    if f"lkl_netdev_{backend}_create" not in kernel.symbols:
        pytest.skip(f"{kernel.name} has no back end {backend}: its library lacks lkl_netdev_{backend}_create()")
    # The pipe's other end is a second kernel, that of the others the namespace's own.
    directory = tmp_path_factory.mktemp(backend)
    if backend == "pipe":
        peer = [str(cc.compile(PEER, kernel, lkltest_settings)), *netns.far_end(directory)]
    else:
        peer = [str(cc.compile_native(PEER, lkltest_settings, static=False))]
    try:
        return netns.network(backend, directory, [*lkltest_settings.wrapper, *peer])
    except UsageError as error:
        pytest.skip(str(error))
