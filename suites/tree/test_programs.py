"""The programs that a kernel tree builds beside its library: hijack, cptofs, lklfuse."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from lkltest import Liblkl, UsageError, built_program, image, netns, process

TIMEOUT = 60.0  # seconds for one command
MAC = "aa:bb:cc:dd:ee:ff"


def built(kernel: Liblkl, name: str) -> Path:
    """A program in the tree's tools/lkl; skips where it is not built, or with an older kernel, saying why."""
    try:
        return built_program(kernel, name)
    except UsageError as error:
        pytest.skip(str(error))


def command(*argv: str | Path, env: Mapping[str, str] | None = None) -> str:
    """The output of a command that must succeed."""
    done = process.run([str(word) for word in argv], env=env, timeout=TIMEOUT, merge=True)
    output = done.output.decode(errors="backslashreplace")
    if not done.ok:
        pytest.fail(f"{process.command(done.argv)}: {done.describe()}\n{output}", pytrace=False)
    return output


class Hijacked:
    """Runs ordinary programs on a kernel in place of the host's, as bin/lkl-hijack.sh does."""

    def __init__(self, library: Path, directory: Path) -> None:
        """Preload `library`; configurations go to `directory`."""
        self.library = library
        self.config = directory / "hijack.json"

    def run(self, *argv: str, wrapper: tuple[str, ...] = (), **settings: object) -> str:
        """The output of a program that must succeed, with the hijack library's own settings."""
        env = [f"LD_PRELOAD={self.library}"]
        if settings:  # an empty object is none that the library could parse
            self.config.write_text(json.dumps(settings), encoding="utf-8")
            env.append(f"LKL_HIJACK_CONFIG_FILE={self.config}")
        return command(*wrapper, "env", *env, *argv)


@pytest.fixture
def hijack(kernel: Liblkl, tmp_path: Path) -> Hijacked:
    """The tree's hijack library; without a network stack it cannot be loaded."""
    if kernel.config and "CONFIG_NET" not in kernel.config:
        pytest.skip(f"{kernel.name} lacks CONFIG_NET")
    return Hijacked(built(kernel, "lib/hijack/liblkl-hijack.so"), tmp_path)


def test_hijack_addresses(hijack: Hijacked) -> None:
    """`ip` sees the kernel's devices, and none of the host's."""
    output = hijack.run("ip", "addr")
    assert "127.0.0.1/8" in output
    host = {name for name in os.listdir("/sys/class/net") if name not in {"lo", "sit0"}}  # noqa: PTH208
    assert not [name for name in host if f" {name}:" in output]


def test_hijack_dump(hijack: Hijacked) -> None:
    """Files of the kernel's sysfs are dumped at the end."""
    output = hijack.run(
        "true", mount="proc,sysfs", dump="/sysfs/class/net/lo/mtu,/sysfs/class/net/lo/dev_id", debug="1"
    )
    assert "\n65536\n" in output
    assert "\n0x0\n" in output


def test_hijack_boot_cmdline(hijack: Hijacked) -> None:
    """The kernel's command line decides what the console shows."""
    assert len(hijack.run("true", debug="1", boot_cmdline="loglevel=1").splitlines()) == 1


def tap(hijack: Hijacked, kernel: Liblkl, directory: Path, *argv: str) -> str:
    """The output of a program on a kernel with a tap device."""
    if "lkl_netdev_tap_create" not in kernel.symbols:
        pytest.skip(f"{kernel.name} has no back end tap")
    try:
        link = netns.network("tap", directory, ["sleep", "infinity"])
    except UsageError as error:
        pytest.skip(str(error))
    interface = {
        "type": "tap", "param": "lkl0", "ip": netns.LKL, "masklen": str(netns.PREFIX),
        "ipv6": netns.LKL6, "masklen6": str(netns.PREFIX6), "mac": MAC,
    }  # fmt: skip
    return hijack.run(*argv, wrapper=link.wrapper, gateway=netns.PEER, interfaces=[interface])


def test_hijack_tap_addresses(hijack: Hijacked, kernel: Liblkl, tmp_path: Path) -> None:
    """A tap device comes up with the addresses of the configuration."""
    output = tap(hijack, kernel, tmp_path, "ip", "addr")
    for expected in (f"inet {netns.LKL}/{netns.PREFIX}", f"inet6 {netns.LKL6}/{netns.PREFIX6}", MAC):
        assert expected in output


@pytest.mark.parametrize("address", [netns.PEER, netns.PEER6])
def test_hijack_tap_ping(hijack: Hijacked, kernel: Liblkl, tmp_path: Path, address: str) -> None:
    """`ping` goes through the kernel and its tap device to the namespace's own stack."""
    ping = shutil.which("ping")
    if ping is None:
        pytest.skip("no ping: install it (apt-get install iputils-ping)")
    # A copy: the system's own has privileges with which the loader preloads nothing.
    copy = tmp_path / "ping"
    shutil.copyfile(ping, copy)
    copy.chmod(0o755)
    assert "1 received" in tap(hijack, kernel, tmp_path, str(copy), "-c", "1", "-w", "10", address)


Contents = dict[str, bytes | str | None]  # by path: a file's bytes, a link's target; None: a directory


def make_tree(kind: str, place: Path) -> Contents:
    """Write a tree of files, directories and, where the file system has them, links; return what is in it."""
    (place / "full" / "of").mkdir(parents=True)
    (place / "hollow").mkdir()
    for name, size in (("empty", 0), ("full/some", 5), ("full/page", 4096), ("full/of/large", 1 << 20)):
        (place / name).write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    if kind != "vfat":
        (place / "full" / "link").symlink_to("some")
    return contents(place)


def contents(place: Path) -> Contents:
    """The content of a tree of files."""
    found: Contents = {}
    for path in place.rglob("*"):
        kind = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(place))] = kind
    return found


def compare(what: str, found: Contents, expected: Contents) -> None:
    """Fail, naming the files that differ and how, unless the trees are the same."""
    ways = {
        "lost": sorted(expected.keys() - found.keys()),
        "not written by anybody": sorted(found.keys() - expected.keys()),
        "other content": sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name]),
    }
    told = [f"{way}: {', '.join(names)}" for way, names in ways.items() if names]
    if told:
        pytest.fail("\n".join([f"{what}:", *told]), pytrace=False)


def packed(archive: Path) -> Contents:
    """The content of a tar archive, without the files that mkfs has made."""
    found: Contents = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            found[member.name.removeprefix("./").strip("/")] = file.read() if file else member.linkname or None
    return {name: what for name, what in found.items() if name not in {"", ".", "lost+found"}}


def test_a_copied_tree_comes_back(kernel: Liblkl, tree_disk: tuple[str, Path], tmp_path: Path) -> None:
    """A tree that cptofs copies into a file system and cpfromfs out of it is the same."""
    into = built(kernel, "cptofs")
    out = tmp_path / "cpfromfs"  # one program, which goes by its name; not every tree's makefile has the other
    out.symlink_to(into)
    kind, disk = tree_disk
    original, returned = tmp_path / "original", tmp_path / "returned"
    returned.mkdir()
    expected = make_tree(kind, original)
    command(into, "-p", "-t", kind, "-i", disk, original, "/")
    command(out, "-p", "-t", kind, "-i", disk, "/original", returned)
    compare("cpfromfs does not bring back what cptofs took", contents(returned / "original"), expected)


@pytest.fixture
def packed_disk(kernel: Liblkl, tree_disk: tuple[str, Path], tmp_path: Path) -> tuple[str, Path, Contents]:
    """A file system into which the host's own mkfs has packed a tree, and what is in that."""
    kind, _ = tree_disk
    if kind == "vfat":
        pytest.skip("the names of the packed tree are not ASCII, which vfat shows as its mount options say")
    recipe = next(recipe for recipe in image.load([image.shipped()]) if recipe.name == kind)
    (tmp_path / "tree").mkdir()
    image.write_tree(tmp_path / "tree", symlinks=True)
    return kind, image.make(recipe, kernel.version, tmp_path).path, contents(tmp_path / "tree")


def test_cpfromfs_unpacks(kernel: Liblkl, packed_disk: tuple[str, Path, Contents], tmp_path: Path) -> None:
    """A tree that mkfs has packed comes out of cpfromfs as it went in."""
    out = tmp_path / "cpfromfs"
    out.symlink_to(built(kernel, "cptofs"))
    kind, path, expected = packed_disk
    (tmp_path / "returned").mkdir()
    command(out, "-p", "-t", kind, "-i", path, "/packed", tmp_path / "returned")
    compare("cpfromfs does not bring back what mkfs packed", contents(tmp_path / "returned"), expected)


def test_fs2tar_packs(kernel: Liblkl, packed_disk: tuple[str, Path, Contents], tmp_path: Path) -> None:
    """The archive that fs2tar makes of a file system has the tree that mkfs packed into it, and nothing else."""
    fs2tar = built(kernel, "fs2tar")
    kind, path, expected = packed_disk
    command(fs2tar, "-p", "-t", kind, path, tmp_path / "all.tar")
    compare("the archive of fs2tar is not what mkfs packed", packed(tmp_path / "all.tar"), expected)


class Mounted:
    """A file system that lklfuse mounts; a context manager."""

    def __init__(self, lklfuse: Path, unmount: str, kind: str, image: Path, place: Path) -> None:
        """Mount the file system of type `kind` in `image` at `place` when entered; `unmount` is FUSE's own program."""
        self.unmount = unmount
        self.command = (lklfuse, image, place, "-o", f"type={kind}")
        self.image = image
        self.place = place

    def __enter__(self) -> Path:
        command(*self.command)
        try:
            mounted = self.place.is_mount()
        except OSError as error:
            self._has_died(error)
            raise
        assert mounted, f"{process.command(self.command)} ended well, and nothing is mounted"
        return self.place

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """Unmount, and wait until lklfuse, in the background, has let go of the image; fail where it has died."""
        self._has_died(error)
        command(self.unmount, "-u", self.place)
        until = time.monotonic() + TIMEOUT
        while users(self.image) and time.monotonic() < until:
            time.sleep(0.01)
        assert not users(self.image), f"lklfuse still has {self.image} open"

    def _has_died(self, error: object) -> None:
        """Unmount and fail, where an error tells that nobody serves the file system any more."""
        if not isinstance(error, OSError) or error.errno != errno.ENOTCONN:
            return
        command(self.unmount, "-u", self.place)
        again = process.command((self.command[0], "-f", *self.command[1:]))
        pytest.fail(f"lklfuse has died with its file system mounted; by hand:\n{again}", pytrace=False)


@pytest.fixture
def fuse(kernel: Liblkl, tree_disk: tuple[str, Path], tmp_path: Path) -> Mounted:
    """A disk that the tree's lklfuse can mount."""
    lklfuse = built(kernel, "lklfuse")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("no permission for /dev/fuse, or none there: run as root, or modprobe fuse")
    unmount = next((name for name in ("fusermount3", "fusermount") if shutil.which(name)), None)
    if unmount is None:
        pytest.skip("no fusermount3 or fusermount: install one (apt-get install fuse3, or fuse)")
    place = tmp_path / "mounted"
    place.mkdir()
    return Mounted(lklfuse, unmount, *tree_disk, place)


def test_lklfuse(fuse: Mounted) -> None:
    """A mounted file system takes files and directories, gives them back, and lets them go."""
    with fuse as place:
        (place / "directory").mkdir()
        (place / "directory" / "file").write_bytes(b"kept" * 5000)
        assert (place / "directory" / "file").read_bytes() == b"kept" * 5000
        (place / "directory" / "file").unlink()
        (place / "directory").rmdir()
        assert not (place / "directory").exists()


def test_lklfuse_keeps(fuse: Mounted, tree_disk: tuple[str, Path]) -> None:
    """A tree that was written is still there, all of it, when the file system is unmounted and mounted again."""
    with fuse as place:
        expected = make_tree(tree_disk[0], place / "original")
    with fuse as place:
        compare("the next mount does not have what lklfuse wrote", contents(place / "original"), expected)


def users(image: Path) -> list[str]:
    """The processes that have a file open."""
    found = []
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if fd.samefile(image):
                found.append(fd.parts[2])
        except OSError:
            continue
    return found
