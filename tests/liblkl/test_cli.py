"""The commands `lkltest build` and `lkltest doctor`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import lkltest
from lkltest import cli, doctor
from lkltest.host.programs import Need
from lkltest.host.progress import Bar, Lines, remaining
from lkltest.liblkl import Liblkl, recipe
from lkltest.settings import Settings
from tests.liblkl.tiny import Registry, Shape

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_kernel_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own LKLTEST_LKL is not ours."""
    monkeypatch.delenv("LKLTEST_LKL", raising=False)
    monkeypatch.delenv("LKLTEST_VARIANT", raising=False)


@pytest.fixture
def tiny(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> recipe.Recipe:
    """A tiny kernel in the place of the default one."""
    made = registry.publish()
    monkeypatch.setitem(recipe.VARIANTS, "default", made)
    monkeypatch.setitem(recipe.VARIANTS, "fast", replace(made, name="tiny-fast", forbidden=("CONFIG_BTRFS_FS",)))
    return made


@pytest.mark.usefixtures("tiny")
def test_build_prints_where_the_kernel_is(own: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Progress goes to standard error, the place to standard output; compilers' warnings are out of sight."""
    assert cli.main(["build", "--cache", str(own.cache)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"tiny-4.9.0: {own.cache}/kernels/tiny-4.9.0-")
    assert "Linux 4.9.0, G1, x86-64" in told.out
    assert "fetching tiny@1.0.0 with npm" in told.err
    assert "2 of 2 objects compiled, 0:00 left" in told.err
    assert "warning" not in told.err
    assert cli.main(["build", "--cache", str(own.cache)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("tiny")
def test_build_makes_the_fast_variant(own: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The variant is chosen by its name; a name that is none is refused with exit status 2."""
    assert cli.main(["build", "--variant", "fast", "--cache", str(own.cache)]) == 0
    assert capsys.readouterr().out.startswith("tiny-fast: ")
    assert cli.main(["build", "--variant", "quick", "--cache", str(own.cache)]) == 2
    assert "name one of default, fast" in capsys.readouterr().err


def test_build_ends_with_125_for_a_tree_that_does_not_build(
    own: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`git bisect run` skips a kernel that does not build."""
    for name, text in {"Kconfig": "", "tools/lkl/Makefile": "all:\n\t@echo 'x.c:1:1: error: broken'; exit 1\n"}.items():
        (tmp_path / "linux" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "linux" / name).write_text(text)
    assert cli.main(["build", "--lkl", str(tmp_path / "linux"), "--cache", str(own.cache)]) == 125
    assert "x.c:1:1: error: broken" in capsys.readouterr().err


def test_doctor_tells_all_of_a_kernel(make_tree: Make, own: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The doctor tells what is known, what is missing, and the next step; status 0 for a kernel that can be tested."""
    root = make_tree(Shape("G3", options=("CONFIG_64BIT", "CONFIG_EXT4_FS", "CONFIG_KASAN")))
    assert cli.main(["doctor", "--lkl", str(root), "--cache", str(own.cache)]) == 0
    told = capsys.readouterr().out
    for text in ("lkl-6.0.0", "G3: lkl_init(", "x86-64", f"{root}/tools/lkl/liblkl.a", "-lpthread -lrt", "POSIX",
                 "btrfs (CONFIG_BTRFS_FS)", "KASAN", "usable", f"pytest suites/ --lkl={root}"):  # fmt: skip
        assert text in told


def test_doctor_goes_on_after_a_kernel_that_is_unusable(
    make_tree: Make, own: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several kernels each is told; one that cannot be tested makes the exit status 2."""
    root = make_tree()
    words = ["--lkl", str(tmp_path / "none"), "--lkl", str(root)]
    assert cli.main(["doctor", *words, "--cache", str(own.cache)]) == 2
    told = capsys.readouterr().out
    assert "no such file or directory" in told
    assert "lkl-6.0.0" in told


def test_doctor_takes_the_kernels_of_the_project(
    make_tree: Make, own: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that lkltest.toml names is told by that name; commands to copy survive blanks in paths."""
    root = make_tree(root=tmp_path / "my kernel")
    (tmp_path / "lkltest.toml").write_text('kernels.mine = "my kernel"\n')
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor", "--details", "--cache", str(own.cache)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("mine\n")
    assert f"/suites/ '--lkl={root}'" in told
    assert f"'-I{root}/tools/lkl/include'" in told


@pytest.mark.usefixtures("tiny")
def test_doctor_names_missing_programs_and_their_cure(
    own: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that is not built yet, and a program that is not there, have their next steps."""
    monkeypatch.setattr("lkltest.host.programs.OTHERS", (Need("no-such-program", "some-package", "nothing"),))
    assert cli.main(["doctor", "--cache", str(own.cache)]) == 2
    told = capsys.readouterr().out
    assert "not built yet" in told
    assert "`lkltest build`" in told
    assert "no-such-program (nothing)" in told
    assert "install some-package\n" in told.split("\nnext ")[1]


def test_doctor_is_one_screen(
    make_tree: Make, own: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a kernel to look at closely it prints one screen, in which each kernel and each suite has its state."""
    monkeypatch.setenv("LKLTEST_LKL", str(make_tree()))
    assert cli.main(["doctor", "--cache", str(own.cache)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) <= 24
    kernel = next(line for line in told if line.startswith("kernels"))
    assert kernel.split()[2:6] == ["usable:", "Linux", "6.0.0", "(G2),"]
    suites = [line[9:].split()[:2] for line in told if line.startswith(("suites ", "  "))]
    assert ["boot", "ready"] in suites
    assert ["kunit", "needs"] in suites


@pytest.mark.parametrize("suite", ["kunit", "kselftest"])
def test_doctor_names_what_a_tree_is_built_with(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that builds a kernel from a tree says what is missing for that, with the cure, before it is started."""
    settings = replace(Settings.load({}), kunit_tree=tmp_path, kselftest_tree=tmp_path)
    monkeypatch.setattr("lkltest.uml.build.NEEDED", ())
    assert next(each for each in doctor.suites([], settings) if each.name == suite).state == f"ready: {tmp_path}"
    monkeypatch.setattr("lkltest.uml.build.NEEDED", (Need("no-such-program", "some-package", "nothing"),))
    lacking = next(each for each in doctor.suites([], settings) if each.name == suite)
    assert not lacking.runs
    assert lacking.state.startswith("needs no-such-program to build UML: ")
    assert "some-package" in lacking.state


def test_doctor_speaks_json(make_tree: Make, own: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts and the same exit status, for programs."""
    words = ["doctor", "--json", "--cache", str(own.cache), "--lkl", str(make_tree())]
    assert cli.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], [kernel["state"] for kernel in told["kernels"]][:1]) == (True, ["usable"])
    assert told["kernels"][0]["facts"]["Linux"].startswith("6.0.0, built ")
    assert {suite["name"]: suite["runs"] for suite in told["suites"]}["boot"]
    assert cli.main([*words, "--lkl", str(tmp_path / "none")]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["kernels"][1]["usable"]) == (False, False)
    assert "no such file or directory" in told["kernels"][1]["why"]


def test_doctor_names_what_is_wrong_with_the_machine(
    make_tree: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cache that cannot be written is told with the machine."""
    root = make_tree()
    (tmp_path / "file").touch()
    assert cli.main(["doctor", "--lkl", str(root), "--cache", str(tmp_path / "file" / "cache")]) == 0
    assert f"the cache {tmp_path / 'file' / 'cache'} cannot be written" in capsys.readouterr().out


@pytest.mark.usefixtures("tiny")
def test_the_command_alone_tells_the_next_steps(
    own: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """About ten lines; the first step is a build where there is no kernel yet, and then the suites."""
    monkeypatch.setenv("LKLTEST_CACHE", str(own.cache))
    monkeypatch.setenv("PATH", "/nowhere")  # no UML either
    assert cli.main([]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) <= 10
    assert told[1].startswith("  lkltest build ")
    monkeypatch.undo()
    monkeypatch.setenv("LKLTEST_LKL", "/some/tree")
    assert cli.main([]) == 0
    assert "run the suites on /some/tree" in capsys.readouterr().out.splitlines()[1]


def test_version(
    make_tree: Make, own: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's version stands alone on the first line; a line for each kernel follows, usable or not."""
    root = make_tree()
    monkeypatch.setenv("LKLTEST_CACHE", str(own.cache))
    monkeypatch.setenv("LKLTEST_LKL", f"{root}:/nowhere")
    assert cli.main(["--version"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"lkltest {lkltest.__version__}"
    assert told[1].startswith("lkl-6.0.0: Linux 6.0.0 (")
    assert told[2] == "/nowhere: not usable (see lkltest doctor)"


def test_progress_in_a_log_is_a_line_each_tenth() -> None:
    """A log gets about ten lines, not one for each object."""
    stream = io.StringIO()
    with Bar(stream) as bar:
        bar.say("building")
        for done in range(1, 856):
            bar.step(done, 851)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "building"
    assert 10 <= len(lines) <= 12
    assert "851 of 851 objects compiled" in lines[10]


def test_progress_does_not_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time left is not told after the first of many objects, and the time before that one is no measure of it."""
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr("lkltest.host.progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    lines = Lines(stream)  # at 0 s
    lines.say("building")  # 30 s
    for _ in range(9):
        next(clock)
    for done in range(1, 21):
        lines.step(done, 1000)  # the first at 330 s, the twentieth at 900 s
    told = stream.getvalue().splitlines()
    assert told[1] == "  1 of 1000 objects compiled"
    assert told[-1] == "  20 of 1000 objects compiled, 465:30 left"


def test_progress_tells_the_time_left() -> None:
    """At the speed so far."""
    assert remaining(60.0, 200, 800) == "3:00"
    assert remaining(1.0, 900, 851) == "0:00"


def test_a_checker_that_only_the_symbols_tell_is_named(liblkl: Liblkl, settings: Settings) -> None:
    """A kernel that is taken for one with KASAN is never said to have no checkers."""
    bare = replace(liblkl, config=frozenset({"CONFIG_64BIT"}), symbols=liblkl.symbols | {"kasan_report"})
    assert dict(doctor.facts(bare, settings))["checkers"] == "KASAN"
    assert dict(doctor.facts(replace(bare, config=frozenset()), settings))["checkers"] == "KASAN"


def test_a_library_without_kasan_has_none(liblkl: Liblkl) -> None:
    """Linux 6.0's lkl_kasan_init(), which it has in any configuration, makes no checker where that is known."""
    plain = replace(liblkl, symbols=liblkl.symbols | {"lkl_kasan_init"})
    assert not replace(plain, config=frozenset({"CONFIG_64BIT"})).kasan
    assert replace(plain, config=frozenset({"CONFIG_KASAN"})).kasan
    assert replace(plain, config=frozenset()).kasan


def test_doctor_names_the_option_that_a_suite_lacks(
    make_tree: Make, own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suite, or a part of it, for which no library has the option is not ready, and says which one it is."""
    monkeypatch.setattr(doctor, "back_end", lambda _: "")
    both = "CONFIG_64BIT", "CONFIG_VFAT_FS"
    for options, net in [
        (both, "CONFIG_NET is off in lkl-6.0.0"),
        ((*both, "CONFIG_NET"), "ready: loopback; not pipe, tap, raw, macvtap (CONFIG_VIRTIO_NET is off in lkl-6.0.0)"),
        ((*both, "CONFIG_NET", "CONFIG_VIRTIO_NET"), "ready: loopback, pipe, tap, raw, macvtap"),
    ]:
        root = make_tree(Shape("G2", options=options), tmp_path / str(len(options)))
        kernel = doctor.examine_liblkl(root, own)
        suites = {suite.name: suite for suite in doctor.suites([kernel], own)}
        assert suites["net"].state == net
        assert suites["net"].runs == net.startswith("ready")
        assert "not ext4 (CONFIG_EXT4_FS is off in lkl-6.0.0)" in suites["disk"].state
        assert "vfat" in suites["disk"].state.partition("; not ")[0]
