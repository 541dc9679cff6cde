"""Links in namespaces of their own: set up, and gone with the program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import netns, process
from tests.processes import gone

PEER = ["sh", "-c", "echo pid $$; exec sleep 1000"]


def link(backend: str, directory: Path, ready: str = "pid") -> netns.Network:
    """A link whose peer only says its process id; a skip where this machine cannot have it."""
    try:
        return netns.network(backend, directory, PEER, ready)
    except UsageError as error:
        pytest.skip(str(error))


def peer_of(directory: Path) -> int:
    """The process id of the peer."""
    return int((directory / netns.PEER_LOG).read_text().split()[1])


@pytest.mark.parametrize(("backend", "device"), [("tap", "lkl0"), ("raw", "peer0"), ("macvtap", "peer0")])
def test_a_link_is_seen_inside_only(backend: str, device: str, tmp_path: Path) -> None:
    """The program sees the peer's addresses on a device that the rest of the machine has not got."""
    done = process.run([*link(backend, tmp_path).wrapper, "ip", "-o", "addr"], timeout=60)
    assert done.ok, done.errors.decode()
    assert f"{netns.PEER}/{netns.PREFIX}" in done.output.decode()
    assert device in done.output.decode()
    assert device not in os.listdir("/sys/class/net")  # noqa: PTH208 -- names are wanted


@pytest.mark.parametrize("backend", ["tap", "pipe"])
@pytest.mark.parametrize("end", ["exit 3", "kill -KILL $$"])
def test_the_peer_goes_with_the_program(backend: str, end: str, tmp_path: Path) -> None:
    """However the program ends, its exit status is seen, and nothing of its link is left."""
    done = process.run([*link(backend, tmp_path).wrapper, "sh", "-c", end], timeout=60)
    assert (done.status, done.signal) == ((3, None) if end == "exit 3" else (None, 9))
    assert gone(peer_of(tmp_path))


def test_the_link_goes_with_the_runner(tmp_path: Path) -> None:
    """A runner that is killed outright takes program and peer with it."""
    wrapper = process.command(link("tap", tmp_path).wrapper)
    runner = ["sh", "-c", f"{wrapper} sh -c 'echo started; sleep 1000' & wait"]
    with process.Child(runner, env={"LKLTEST_PDEATHSIG": "1"}) as child:
        assert b"started" in (child.read(60) or b"")
        peer = peer_of(tmp_path)
        child.signal(9)
        assert gone(peer)


def test_a_peer_that_is_never_ready_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program does not start without its peer, and what the peer said is shown."""
    monkeypatch.setattr(netns, "TIMEOUT", 0.2)
    (tmp_path / netns.PEER_LOG).write_text("no device\n")
    with pytest.raises(UsageError, match=r"has not said 'ready' within 0.2 s, only: no device"):
        netns.wait_until_said(tmp_path / netns.PEER_LOG, "ready")


def test_a_missing_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ip or unshare the user is told which packages have them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="install util-linux and iproute2"):
        netns.network("tap", tmp_path, PEER)


def test_a_missing_privilege_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a host that refuses unshare says what would allow it."""
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    (tmp_path / "ip").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no privilege to make a network namespace: run as root"):
        netns.network("tap", tmp_path, PEER)


def test_a_missing_tun_device_is_named(tmp_path: Path) -> None:
    """The reason of a setup that fails inside the namespace comes out of it."""
    hidden = ("unshare", "--mount", "--net", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
    if os.getuid() != 0 or not process.run(["unshare", "--mount", "true"]).ok:
        pytest.skip("hiding /dev/net/tun takes root: run the tests as root")
    inside = link("tap", tmp_path).wrapper
    python = inside[inside.index("-P") - 1 : inside.index("--peer")]
    assert "no /dev/net/tun: load the module (modprobe tun)" in netns.missing((*hidden, *python))
