"""Network devices in a network namespace of their own, which lives exactly as long as the program in it.

`python -m lkltest.host.netns BACKEND --directory DIR --peer CMD -- PROGRAM...` sets the devices up, starts the peer and
becomes the program. Nothing has to be torn down: the namespace goes with its last process, and the peer is killed
when the program ends, however it does.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import os
import shlex
import shutil
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import LkltestError, UsageError
from lkltest.host import process

__all__ = [
    "BEYOND", "LKL", "LKL6", "PEER", "PEER6", "PREFIX", "PREFIX6", "Network", "far_end", "far_name", "network",
]  # fmt: skip

# IPv4 addresses of a link: the peer's end, the kernel's, and the number of bits that they share.
PEER, LKL, PREFIX = "10.77.0.1", "10.77.0.2", 24
# The same of IPv6.
PEER6, LKL6, PREFIX6 = "fd77::1", "fd77::2", 64
BEYOND = "198.51.100.1"  # an address behind the peer (TEST-NET-2 of RFC 5737)

PEER_LOG = "peer.log"
TIMEOUT = 300.0  # seconds for each step of the setup, on the busiest machine


@dataclass(frozen=True)
class Network:
    """One end of a link, for a program: the command in front of it, and its arguments."""

    backend: str
    ifname: str  # what the program opens: a device, a device's node, or FIFOs
    wrapper: tuple[str, ...]  # the command in front of the program's own
    arguments: tuple[str, ...]  # for suites/net's programs


def network(backend: str, directory: Path, peer: Sequence[str], ready: str = "") -> Network:
    """A link to `peer`, a command that serves its other end; FIFOs, device nodes and peer.log are kept in `directory`.

    The peer of a "pipe" is a kernel of its own, with the arguments of `far_end`. The program starts when the
    peer has said `ready`. Raises UsageError where this machine cannot have the link, with what would help.
    """
    names = {"tap": "lkl0", "raw": "lkl0", "macvtap": str(directory / "dev" / "macvtap"),
             "pipe": f"{directory / 'down'}|{directory / 'up'}"}  # fmt: skip
    inside = (sys.executable, "-P", "-m", "lkltest.host.netns", backend, "--directory", str(directory))
    arguments = (
        f"backend={backend}", f"ifname={names[backend]}", f"address={LKL}/{PREFIX}", f"address6={LKL6}/{PREFIX6}",
        f"peer={PEER}", f"peer6={PEER6}", f"beyond={BEYOND}",
    )  # fmt: skip
    command = (*unshare(backend), *inside)
    if backend != "pipe" and (why := missing(command)):
        raise UsageError(why)
    said = ("--ready", ready) if ready else ()
    return Network(backend, names[backend], (*command, "--peer", process.command(peer), *said, "--"), arguments)


def far_end(directory: Path) -> tuple[str, ...]:
    """The arguments for the peer of a pipe, if it is suites/net's."""
    return (
        "backend=pipe", f"ifname={far_name(directory)}", f"address={PEER}/{PREFIX}", f"address6={PEER6}/{PREFIX6}",
        f"beyond={BEYOND}",
    )  # fmt: skip


def far_name(directory: Path) -> str:
    """The FIFOs of a pipe from the peer's side: its input is the program's output."""
    return f"{directory / 'up'}|{directory / 'down'}"


def unshare(backend: str) -> tuple[str, ...]:
    """The command that enters new namespaces, as root or as a user who may make user namespaces."""
    if backend == "pipe":
        return ()  # FIFOs need no namespace, and no privilege
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise UsageError("no unshare or no ip command: install util-linux and iproute2")
    extra = ("--mount",) if backend == "macvtap" else ()
    tried = [("unshare", "--net", *extra), ("unshare", "--map-root-user", "--net", *extra)]
    for command in tried:
        if process.run([*command, "true"], timeout=TIMEOUT).ok:
            return (*command, "--")
    raise UsageError(
        "no privilege to make a network namespace: run as root, "
        "or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)"
    )


def missing(command: Sequence[str]) -> str:
    """The reason why this machine cannot set a link up, found by trying it; empty where it can."""
    done = process.run([*command, "--peer", "true", "--", "true"], timeout=TIMEOUT)
    said = done.errors.decode(errors="backslashreplace").strip().splitlines()
    return "" if done.ok else said[-1] if said else f"setting up a link: {done.describe()}"


def ip(arguments: str) -> None:
    """Run one `ip` command; raises UsageError with what it says."""
    done = process.run(["ip", *arguments.split()], timeout=TIMEOUT, merge=True)
    if not done.ok:
        said = done.output.decode(errors="backslashreplace").strip() or done.describe()
        raise UsageError(f"ip {arguments}: {said}")


def set_peer_addresses(device: str) -> None:
    """Give the peer's end its addresses, at once usable."""
    ip("link set lo up")
    ip(f"addr add {BEYOND}/32 dev lo")
    ip(f"addr add {PEER}/{PREFIX} dev {device}")
    with contextlib.suppress(UsageError):  # a host without IPv6
        ip(f"-6 addr add {PEER6}/{PREFIX6} dev {device} nodad")
    ip(f"link set {device} up")


def make_tap(_: Path) -> None:
    """A tap device: the namespace's own stack receives the frames that the program writes."""
    tun = Path("/dev/net/tun")
    if not tun.exists():
        raise UsageError("no /dev/net/tun: load the module (modprobe tun), or pass the device into the container")
    if not os.access(tun, os.R_OK | os.W_OK):
        raise UsageError("no permission for /dev/net/tun: run as root, or chmod 666 /dev/net/tun")
    ip("tuntap add dev lkl0 mode tap")
    set_peer_addresses("lkl0")


def make_pair(_: Path) -> None:
    """A pair of Ethernet devices: the program has one as a packet socket, the stack the other."""
    ip("link add lkl0 type veth peer name peer0")
    # The end that is the program's must be quiet itself, yet hear what is for the program's own address.
    ip("link set lkl0 addrgenmode none promisc on up")
    send_whole_frames("peer0")
    set_peer_addresses("peer0")


def make_macvtap(directory: Path) -> None:
    """A macvtap device on one end of a pair; its node, which only the host's /dev would have, is made here."""
    make_pair(directory)
    ip("link add link lkl0 name tap0 type macvtap mode passthru")
    ip("link set tap0 up")
    place = directory / "dev"
    place.mkdir(exist_ok=True)
    for kind in ("sysfs", "tmpfs"):  # the first shows this namespace's devices, the second may hold a device node
        done = process.run(["mount", "-t", kind, "none", str(place)], timeout=TIMEOUT, merge=True)
        if not done.ok:
            raise UsageError(f"cannot mount {kind}: {done.output.decode(errors='backslashreplace').strip()}")
        if kind == "sysfs":
            node = next((place / "class" / "net" / "tap0").glob("tap*/dev")).read_text(encoding="utf-8")
    major, minor = map(int, node.split(":"))
    try:
        os.mknod(place / "macvtap", 0o20600, os.makedev(major, minor))
    except OSError as error:
        raise UsageError(f"cannot make the node of a macvtap device: {error.strerror}: run as root") from None


def make_fifos(directory: Path) -> None:
    """Two FIFOs, one for each direction."""
    for name in ("down", "up"):
        (directory / name).unlink(missing_ok=True)
        os.mkfifo(directory / name)


SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17  # from <linux/ethtool.h>


def send_whole_frames(device: str) -> None:
    """Let a device send frames as a wire has them: checksums filled in, none longer than its MTU."""
    value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request.ljust(40, b"\0"))


MAKE: dict[str, Callable[[Path], None]] = {
    "tap": make_tap,
    "raw": make_pair,
    "macvtap": make_macvtap,
    "pipe": make_fifos,
}


def die_with_parent() -> None:
    """Be killed when the parent ends, across an exec."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def start_peer(directory: Path, command: Sequence[str]) -> None:
    """Start the other end as our own child; its output goes to peer.log."""
    (directory / PEER_LOG).unlink(missing_ok=True)
    parent = os.getpid()
    if os.fork():
        return
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    log = os.open(directory / PEER_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(fd, target)
    become(command)


def wait_until_said(log: Path, text: str) -> None:
    """Wait until a peer has written `text` to its log; raises UsageError where it does not within TIMEOUT."""
    until = time.monotonic() + TIMEOUT
    while text not in (said := log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""):
        if time.monotonic() > until:
            raise UsageError(f"the peer has not said {text!r} within {TIMEOUT:g} s, only: {said[-500:]}")
        time.sleep(0.005)


def become(command: Sequence[str]) -> None:
    """Run a command in place of this process."""
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def main(argv: Sequence[str] | None = None) -> int:
    """Set a link up inside these namespaces, start its peer, become the program; 2 where that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m lkltest.host.netns", description="run a program on a network link")
    parser.add_argument("backend", choices=sorted(MAKE))
    parser.add_argument("--directory", type=Path, required=True, help="for FIFOs, device nodes and peer.log")
    parser.add_argument("--peer", required=True, help="the command that serves the other end")
    parser.add_argument("--ready", default="", help="what the other end says before the program may start")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(argv)
    if os.environ.get("LKLTEST_PDEATHSIG") == "1":
        die_with_parent()
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        MAKE[options.backend](options.directory)
        start_peer(options.directory, shlex.split(options.peer))
        if options.ready:
            wait_until_said(options.directory / PEER_LOG, options.ready)
    except (LkltestError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    become(options.program)
    return 127


if __name__ == "__main__":
    sys.exit(main())
