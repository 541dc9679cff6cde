"""The command `lkltest kunit`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lkltest import cli, uml
from lkltest.errors import Exit
from tests.kunit.conftest import Stub, Suites


@pytest.fixture
def kernel(stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stub:
    """Make a kernel that `--uml PATH` finds."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))

    def make(suites: Suites) -> uml.Uml:
        made = stub(suites)
        monkeypatch.setattr(uml, "inspect", lambda _: made)
        return made

    return make


@pytest.mark.parametrize(
    ("how", "code"), [("pass", Exit.PASSED), ("fail", Exit.FAILED), ("kasan", Exit.FAILED), ("crash", Exit.KERNEL_LOST)]
)
def test_exit_codes(kernel: Stub, capsys: pytest.CaptureFixture[str], how: str, code: Exit) -> None:
    """The exit code says whether a case failed, or a kernel was lost."""
    path = str(kernel({"one": {"a": "pass", "b": how}}).path)
    assert cli.main(["kunit", "--uml", path, "--timeout", "2"]) == code
    output = capsys.readouterr().out
    assert "passed   one.a\n" in output
    assert "\n2 cases: " in output


def test_json_alone_on_standard_output(kernel: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json - standard output has the document alone; results are shown on standard error."""
    path = str(kernel({"one": {"a": "pass"}}).path)
    assert cli.main(["kunit", "--uml", path, "--json", "-"]) == Exit.PASSED
    captured = capsys.readouterr()
    assert json.loads(captured.out)["sub_groups"][0]["name"] == "one"
    assert "passed   one.a" in captured.err


def test_files(kernel: Stub, tmp_path: Path) -> None:
    """JUnit, KTAP, KernelCI's and KCIDB's files are written beside each other, and leave nothing else."""
    path = str(kernel({"one": {"a": "fail", "b": "skip"}}).path)
    out = tmp_path / "out"
    out.mkdir()
    options = [word for name in ("junit", "ktap", "json", "kcidb") for word in (f"--{name}", str(out / name))]
    assert cli.main(["kunit", "--uml", path, *options]) == Exit.FAILED
    assert sorted(each.name for each in out.iterdir()) == ["json", "junit", "kcidb", "ktap"]
    assert '<testcase classname="kunit" name="one &gt; a"' in (out / "junit").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nothing*"], "no case of 1 matches 'nothing*'"), (["--json", "/nowhere/x.json"], "cannot write /nowhere/x.json"),
     (["--alltests"], "--alltests configures a build"),
     (["--filter", "speed>slow"], "knows no kunit.filter, which came with Linux 6.6"),
     (["--kernel-args", "kunit.filter=odd"], "KUnit says 'filter operation not found: odd': mend --filter"),
     (["--kernel-args", "kunit.filter_glob=none*"], "lists no tests with kunit.filter_glob=none*: select others")],
)  # fmt: skip
def test_mistakes(kernel: Stub, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    """A mistake of the user's is told in a sentence, before anything runs."""
    path = str(kernel({"one": {"a": "pass"}}).path)
    assert cli.main(["kunit", "--uml", path, *words]) == Exit.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--timeout", "soon"), ("--timeout", "-1"), ("--timeout", "nan"),
                                               ("--jobs", "0"), ("--jobs", "two")])  # fmt: skip
def test_numbers(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    """A number that is none is refused, with the numbers that are taken."""
    with pytest.raises(SystemExit, match=str(int(Exit.USAGE))):
        cli.main(["kunit", "--uml", "x", f"{option}={value}"])
    assert "more" in capsys.readouterr().err.splitlines()[-1]


def test_no_tree(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A directory that is no kernel tree is refused."""
    assert cli.main(["kunit", "--tree", str(tmp_path)]) == Exit.USAGE
    assert "pass --tree the root of a whole kernel tree" in capsys.readouterr().err


def test_no_compiler(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the programs of a build all of them are named, and the option that needs none."""
    monkeypatch.setenv("LKLTEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("Makefile", "Kconfig", "arch/um/Makefile", "tools/testing/kunit/configs/default.config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert cli.main(["kunit", "--tree", str(tmp_path)]) == Exit.USAGE
    error = capsys.readouterr().err
    assert "gcc (for compiling), make" in error
    assert error.endswith("or test a kernel that is built already with --uml PATH\n")
