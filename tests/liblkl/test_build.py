"""The default kernel: fetched and built once, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import liblkl
from lkltest.errors import BuildError, UsageError
from lkltest.host import cache, process
from lkltest.liblkl import Recipe, store
from lkltest.settings import Settings
from tests.liblkl.tiny import Heard, Registry


def left(own: Settings) -> list[str]:
    """The contents of the cache's directory of kernels, apart from locks."""
    folder = own.cache / "kernels"
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") if folder.is_dir() else []


def test_fetches_and_builds_once(registry: Registry, own: Settings, heard: Heard) -> None:
    """The first call fetches and builds, the second neither; both libraries are there, the objects are gone."""
    recipe = registry.publish()
    kernel = liblkl.default(own, recipe=recipe, progress=heard)
    assert kernel.name == "tiny-4.9.0"
    assert kernel.origin == "npm tiny@1.0.0"
    assert kernel.static is not None
    assert kernel.shared is not None
    assert heard.steps == [(1, 2), (2, 2)]
    assert not list(kernel.path.rglob("*.o"))
    assert (kernel.path / "init/main.c").is_file()
    assert (kernel.path / ".config").is_file()
    heard.said.clear()
    assert liblkl.default(own, recipe=recipe, progress=heard) == kernel
    assert (heard.said, registry.fetched) == ([], 1)


def test_builds_a_variant_of_the_same_download(registry: Registry, own: Settings) -> None:
    """Another configuration of the package is another kernel, and not another download."""
    recipe = registry.publish()
    liblkl.default(own, recipe=recipe)
    fast = replace(recipe, name="tiny-fast", forbidden=("CONFIG_BTRFS_FS",), added=("CONFIG_KASAN=y",))
    kernel = liblkl.default(own, recipe=fast)
    assert registry.fetched == 1
    config = (kernel.path / ".config").read_text()
    assert "CONFIG_BTRFS_FS=y" not in config
    assert "CONFIG_KASAN=y" in config
    assert len(left(own)) == 2


def test_builds_with_a_patch(registry: Registry, own: Settings, tmp_path: Path) -> None:
    """A patch makes another kernel, known by the patch's content."""
    recipe = registry.publish()
    patch = tmp_path / "bug.patch"
    patch.write_text("--- a/init/main.c\n+++ b/init/main.c\n@@ -1 +1 @@\n-int tiny(void) { return 1; }\n"
                     "+int tiny(void) { return 2; }\n")
    kernel = liblkl.default(own, recipe=recipe, patch=patch)
    assert kernel.name == "tiny-4.9.0-bug"
    assert "return 2" in (kernel.path / "init/main.c").read_text()
    first = recipe.patched(patch).key()
    patch.write_text(patch.read_text().replace("2", "3"))
    assert recipe.patched(patch).key() != first


def test_tells_a_patch_that_does_not_apply(registry: Registry, own: Settings, tmp_path: Path) -> None:
    """The patch is named, and nothing is left but the log."""
    patch = tmp_path / "bug.patch"
    patch.write_text("--- a/init/main.c\n+++ b/init/main.c\n@@ -1 +1 @@\n-int other;\n+int tiny;\n")
    with pytest.raises(BuildError, match=r"applying .*bug\.patch failed[^$]*hunk FAILED"):
        liblkl.default(own, recipe=registry.publish(), patch=patch)
    assert left(own) == []


def test_sources_are_found_where_the_tree_ends_up(registry: Registry, own: Settings) -> None:
    """The tree moves once it is built; its debug information names the final place."""
    kernel = liblkl.default(own, recipe=registry.publish())
    assert kernel.shared is not None
    symbols = process.run(["nm", kernel.shared], timeout=60).output.decode().splitlines()
    address = next(line.split()[0] for line in symbols if line.endswith(" tiny"))
    told = process.run(["addr2line", "-e", kernel.shared, address], timeout=60).output.decode()
    assert os.path.normpath(told.strip()) == f"{kernel.path}/init/main.c:1"


@pytest.mark.parametrize("name", ["with blank", "ünïcode", "$HOME:x"])
def test_builds_in_a_cache_that_make_cannot_take(registry: Registry, own: Settings, name: str) -> None:
    """Make has no quoting: such a tree is built elsewhere, and moved."""
    odd = replace(own, cache=own.cache / name)
    recipe = registry.publish()
    kernel = liblkl.default(odd, recipe=recipe)
    assert kernel.path.is_relative_to(odd.cache)
    assert liblkl.default(odd, recipe=recipe) == kernel


def test_builds_under_a_makefile_of_ours(
    registry: Registry, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that make and kbuild read from the environment do not reach the default kernel."""
    monkeypatch.setenv("MAKEFLAGS", "-n")
    monkeypatch.setenv("ARCH", "x86")
    monkeypatch.setenv("KBUILD_OUTPUT", "/nowhere")
    monkeypatch.setenv("CFLAGS", "-fno-such-option")
    liblkl.default(own, recipe=registry.publish())


def test_refuses_another_checksum(registry: Registry, own: Settings) -> None:
    """A package that is not what was published is refused, and not kept."""
    recipe = registry.publish()
    wrong = replace(recipe, integrity="sha512-AAAA")
    with pytest.raises(UsageError, match=r"something else than the published tiny@1\.0\.0"):
        liblkl.default(own, recipe=wrong)
    assert not list((own.cache / "downloads").rglob("*.tgz"))
    assert left(own) == []


def test_recovers_from_a_download_cut_short(registry: Registry, own: Settings) -> None:
    """A truncated download is told as such; the next run fetches again."""
    recipe = registry.publish()
    whole = f'cp "{registry.package}" tiny-1.0.0.tgz'
    registry.behave(f"{whole}; truncate -s 100 tiny-1.0.0.tgz")
    with pytest.raises(UsageError, match="100 bytes whose checksum is not"):
        liblkl.default(own, recipe=recipe)
    registry.behave(whole)
    liblkl.default(own, recipe=recipe)


def test_fetches_again_what_was_damaged_in_the_cache(registry: Registry, own: Settings, heard: Heard) -> None:
    """The package is verified each time before it is used."""
    recipe = registry.publish()
    liblkl.default(own, recipe=recipe)
    package = next((own.cache / "downloads").rglob("*.tgz"))
    package.write_bytes(package.read_bytes()[:-1] + b"x")
    liblkl.default(own, recipe=replace(recipe, name="second", kcflags=("-O1",)), progress=heard)
    assert registry.fetched == 2
    assert any("damaged" in text for text in heard.said)


def test_tells_what_npm_says(registry: Registry, own: Settings) -> None:
    """No network: which fetch failed, npm's reason in short, and what to do without it."""
    registry.behave("echo 'npm ERR! code ENOTFOUND' >&2; echo 'npm ERR! network no such host' >&2\n"
                    "echo 'npm ERR! A complete log of this run can be found in: x' >&2; exit 1")
    with pytest.raises(UsageError) as caught:
        liblkl.default(own, recipe=registry.publish())
    told = str(caught.value)
    assert "`npm pack tiny@1.0.0` ended with exit status 1 (code ENOTFOUND; network no such host)" in told
    assert "--lkl" in told


def test_gives_up_on_an_npm_that_hangs(
    registry: Registry, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that swallows everything does not hang the run."""
    monkeypatch.setattr("lkltest.liblkl.download.TIMEOUT", 0.5)
    registry.behave("sleep 100000")
    with pytest.raises(UsageError, match="its timeout"):
        liblkl.default(own, recipe=registry.publish())


def test_names_all_missing_programs_at_once(
    registry: Registry, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message has every program, what wants it, and one command for all."""
    recipe = registry.publish()
    programs = registry.folder / "few"
    programs.mkdir()
    for name in ("make", "perl", "ld", "objcopy", "awk", "apt-get"):
        (programs / name).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("lkltest.host.programs.SYSTEM_DIRECTORIES", ())
    with pytest.raises(UsageError) as caught:
        liblkl.default(own, recipe=recipe)
    told = str(caught.value)
    assert "gcc (for compiling)" in told
    assert "`sudo apt-get install bc gcc nodejs npm`" in told
    assert "--lkl" in told
    assert left(own) == []


def test_tells_a_build_that_fails(registry: Registry, own: Settings) -> None:
    """The first errors and the log's path are in the message; no tree is left; the next run can succeed."""
    registry.files["init/main.c"] = "#warning loud\nint tiny(void) { return wrong; }\n"
    with pytest.raises(BuildError) as caught:
        liblkl.default(own, recipe=registry.publish())
    told = str(caught.value)
    assert "building the kernel (tiny-4.9.0) failed with exit status 2" in told
    assert "main.c:2:25: error: 'wrong' undeclared" in told
    log = next((own.cache / "logs").glob("*.log"))
    assert str(log) in told
    assert "#warning loud" in log.read_text()
    assert left(own) == []
    registry.files["init/main.c"] = "int tiny(void) { return 1; }\n"
    liblkl.default(own, recipe=registry.publish())


def test_proves_that_options_survived(registry: Registry, own: Settings, heard: Heard) -> None:
    """An option that kconfig drops in silence is an error, and named, before anything is compiled."""
    recipe = replace(registry.publish(), added=("CONFIG_LOST=y",))
    with pytest.raises(BuildError, match="lost CONFIG_LOST=y"):
        liblkl.default(own, recipe=recipe, progress=heard)
    assert heard.steps == []
    with pytest.raises(BuildError, match="lost CONFIG_XFS_FS"):
        liblkl.default(own, recipe=replace(registry.publish(), required=("CONFIG_NET", "CONFIG_XFS_FS")))


def test_tells_a_full_disk(registry: Registry, own: Settings) -> None:
    """The compiler's error for a full disk becomes the user's next step; the next run recovers."""
    registry.files["tools/lkl/slow"] = "#!/bin/sh\necho 'fatal error: x.o: No space left on device'; exit 1\n"
    with pytest.raises(UsageError, match="ran out of disk space"):
        liblkl.default(own, recipe=registry.publish())
    assert left(own) == []


def test_wants_room_before_it_starts(
    registry: Registry, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is too small is told before five minutes are spent on it."""
    monkeypatch.setattr("lkltest.liblkl.build_default.ROOM", 1 << 60)
    with pytest.raises(UsageError, match=r"in .*/cache/kernels while it runs, \d+ MB are free: free some"):
        liblkl.default(own, recipe=registry.publish())


def test_tells_a_cache_that_cannot_be_written(registry: Registry, own: Settings) -> None:
    """The directory is named, and the option for another."""
    own.cache.write_text("a file")
    with pytest.raises(UsageError, match=r"cannot write the cache .*--lkl-cache"):
        liblkl.default(own, recipe=registry.publish())


@pytest.mark.parametrize("name", store.WHOLE)
def test_builds_again_what_was_damaged(registry: Registry, own: Settings, heard: Heard, name: str) -> None:
    """A library that was truncated or removed behind our back is never used."""
    recipe = registry.publish()
    kernel = liblkl.default(own, recipe=recipe)
    (kernel.path.parent / name).write_text("cut")
    again = liblkl.default(own, recipe=recipe, progress=heard)
    assert replace(again, built=0.0) == replace(kernel, built=0.0)
    assert any("damaged" in text for text in heard.said)
    assert registry.fetched == 1


SCRIPT = """
import sys
from pathlib import Path
from lkltest import liblkl
from lkltest.liblkl import Recipe
from lkltest.settings import Settings
class Said(liblkl.Silent):
    def say(self, text): print(text, flush=True)
liblkl.default(Settings(cache=Path(sys.argv[1])), recipe={recipe!r}, progress=Said())
print("done", flush=True)
"""


@contextmanager
def other_run(recipe: Recipe, own: Settings) -> Iterator[process.Child]:
    """Another run that builds the kernel."""
    with process.Child([sys.executable, "-c", SCRIPT.format(recipe=recipe), str(own.cache)]) as child:
        yield child


def printed(child: process.Child, until: str) -> str:
    """The output of a run up to this text, or its end."""
    output = b""
    while until.encode() not in output and (chunk := child.read(30)):
        output += chunk
    return output.decode()


def test_waits_for_another_run(registry: Registry, own: Settings, heard: Heard) -> None:
    """Of two runs one builds; the other says whom it waits for, and fetches and builds nothing."""
    gate = registry.folder / "gate"
    registry.files["tools/lkl/slow"] = f"#!/bin/sh\nwhile ! test -e {gate}; do sleep 0.05; done\n"
    recipe = registry.publish()
    with other_run(recipe, own) as child:
        assert "building tiny" in printed(child, "building tiny")
        threading.Timer(0.5, gate.touch).start()
        liblkl.default(own, recipe=recipe, progress=heard)
        assert "done" in printed(child, "done")
    assert heard.said == [f"another run (pid {child.pid}) is building tiny-4.9.0; waiting for it"]
    assert heard.steps == []
    assert registry.fetched == 1


def alive(marker: Path) -> list[int]:
    """Processes whose command line or directory names a path."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
                where = str((entry / "cwd").readlink())
            except OSError:
                continue
            if str(marker).encode() in words or str(marker) in where:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_recovers_from_a_kill_in_the_middle(registry: Registry, own: Settings, number: signal.Signals) -> None:
    """A run that is killed leaves no process and no tree that another would use."""
    registry.files["tools/lkl/slow"] = "#!/bin/sh\nsleep 20\n"
    recipe = registry.publish()
    with other_run(recipe, own) as child:
        printed(child, "building tiny")
        deadline = time.monotonic() + 20
        while not any("sleep" in name for name in names(alive(own.cache))) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert alive(own.cache)
        child.signal(number)
        assert child.wait(10)
        deadline = time.monotonic() + 5
        while alive(own.cache) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert names(alive(own.cache)) == []
    assert not store.whole(store.directory(recipe, own.cache))
    registry.files["tools/lkl/slow"] = "#!/bin/sh\n"
    again = registry.publish()
    liblkl.default(own, recipe=again)
    assert [name for name in left(own) if again.key() in name] == [f"tiny-4.9.0-{again.key()}"]


def names(pids: list[int]) -> list[str]:
    """The command lines of processes."""
    return [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids
            if Path(f"/proc/{pid}").exists()]  # fmt: skip


def test_removes_what_a_killed_run_left(registry: Registry, own: Settings) -> None:
    """The half-built tree of a run that was killed is gone after the next."""
    recipe = registry.publish()
    place = store.directory(recipe, own.cache)
    half = place.with_name(f".{place.name}.abc")
    (half / "linux").mkdir(parents=True)
    liblkl.default(own, recipe=recipe)
    assert left(own) == [place.name]


def test_knows_whether_it_is_built(own: Settings) -> None:
    """The name is known before the kernel is, and differs between the variants."""
    assert not liblkl.is_built(own)
    assert liblkl.default_name(own) == "lkl-4.9.0"
    assert liblkl.default_name(replace(own, variant="fast")) == "lkl-4.9.0-fast"
    with pytest.raises(UsageError, match="name one of default, fast"):
        liblkl.default_name(replace(own, variant="slow"))


def test_marks_what_it_built(registry: Registry, own: Settings) -> None:
    """The marker tells a person what the directory is."""
    kernel = liblkl.default(own, recipe=registry.publish())
    about = json.loads((kernel.path.parent / store.MARKER).read_text())
    assert about["origin"] == "npm tiny@1.0.0"


# Stands for a build that is under way: of two objects one has the command file that kbuild writes behind a whole one.
HALF_BUILT = """#!/bin/sh
cd ../../init
ls *.o >>{folder}/seen 2>/dev/null
test -e {folder}/gate || {{
	printf '!<arch>' >whole.o; touch .whole.o.cmd cut.o built-in.o .built-in.o.cmd {folder}/gate; sleep 60; }}
"""


def interrupted(registry: Registry, own: Settings, number: signal.Signals = signal.SIGKILL) -> Recipe:
    """A recipe of which a run was interrupted while it compiled."""
    registry.files["tools/lkl/slow"] = HALF_BUILT.format(folder=registry.folder)
    recipe = registry.publish()
    with other_run(recipe, own) as child:
        deadline = time.monotonic() + 30
        while not (registry.folder / "gate").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.signal(number)
        assert child.wait(10)
    return recipe


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_goes_on_with_a_build_that_was_interrupted(
    registry: Registry, own: Settings, heard: Heard, number: signal.Signals
) -> None:
    """Whole objects stay, one that may be cut does not, and nothing is unpacked or configured again."""
    recipe = interrupted(registry, own, number)
    kernel = liblkl.default(own, recipe=recipe, progress=heard)
    assert (registry.folder / "seen").read_text() == "whole.o\n"
    assert heard.said[0].startswith("going on with the build of tiny-4.9.0 that was interrupted: 0 of 2 objects are")
    assert left(own) == [kernel.path.parent.name]
    assert sorted(path.name for path in kernel.path.parent.iterdir()) == ["build.json", "linux"]


def broken(work: Path) -> None:
    """Cut a source in the tree of an interrupted build."""
    (work / "linux/init/main.c").write_text("int tin")


def other_compiler(work: Path) -> None:
    """Let the objects be those of another compiler."""
    (work / "compiler").write_text("gcc (Debian) 4.9")


def unpacked(work: Path) -> None:
    """Let the build be interrupted before the tree was configured."""
    (work / "tools-lkl").rename(work / "tools-lkl.half")


@pytest.mark.parametrize("damage", [broken, other_compiler, unpacked])
def test_begins_anew_what_cannot_go_on(
    registry: Registry, own: Settings, damage: Callable[[Path], None]
) -> None:
    """The rest of an interrupted run may cost its own time, and never a kernel."""
    recipe = interrupted(registry, own)
    damage(cache.unfinished(store.directory(recipe, own.cache)) / "made")
    kernel = liblkl.default(own, recipe=recipe)
    assert not (registry.folder / "seen").read_text().endswith("whole.o\nwhole.o\n")
    assert not (kernel.path / "init/.whole.o.cmd").exists()
    assert left(own) == [kernel.path.parent.name]


def test_removes_the_interrupted_build_of_another_version(registry: Registry, own: Settings) -> None:
    """The next kernel of this name takes the room that an interrupted build of an older recipe holds."""
    interrupted(registry, own)
    registry.files["tools/lkl/slow"] = "#!/bin/sh\n"
    recipe = registry.publish()
    liblkl.default(own, recipe=recipe)
    assert left(own) == [store.directory(recipe, own.cache).name]
