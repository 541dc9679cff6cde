"""The command `lkltest init`."""

from __future__ import annotations

import pytest

from lkltest import cli, uml
from lkltest.liblkl import Liblkl


def test_init_writes_tests_that_pass(liblkl: Liblkl, pytester: pytest.Pytester) -> None:
    """Each point passes on LKL and on UML, without a change."""
    kernel = uml.default()
    assert kernel is not None, "install user-mode-linux"
    assert cli.main(["init", "mine"]) == 0
    kernels = [f"--lkl={liblkl.path}", f"--uml={kernel.path}"]
    result = pytester.runpytest_subprocess("mine", *kernels, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=8)
    assert result.ret == 0


def test_the_workflow_is_where_the_service_looks(pytester: pytest.Pytester) -> None:
    """The workflow is at the top of the repository, and names the directory as it is called from there."""
    pytester.mkdir(".git")
    assert cli.main(["init", "tools/mine"]) == 0
    text = (pytester.path / ".github" / "workflows" / "lkltest.yml").read_text()
    assert "pytest tools/mine --uml=" in text
    assert "@" not in text.replace("@v", "")


def test_init_loses_nothing(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that are there already stay as they are, and so does a workflow that another call has written."""
    (pytester.mkdir("mine") / "first.c").write_text("mine")
    assert cli.main(["init", "mine"]) == 2
    assert "has a first.c already; nothing was written" in capsys.readouterr().err
    assert [path.name for path in (pytester.path / "mine").iterdir()] == ["first.c"]
    pytester.mkdir(".git")
    assert cli.main(["init", "one"]) == 0
    assert cli.main(["init", "two"]) == 0
    assert "kept" in capsys.readouterr().out


def test_init_in_a_tree_names_the_tree(pytester: pytest.Pytester) -> None:
    """Tests in an LKL tree run on that tree's kernel."""
    (pytester.mkdir("my linux") / "tools" / "lkl").mkdir(parents=True)
    (pytester.path / "my linux" / "tools" / "lkl" / "Makefile").touch()
    assert cli.main(["init", "my linux/tests/mine"]) == 0
    text = (pytester.path / "my linux" / "tests" / "mine" / "lkltest.toml").read_text()
    assert 'kernels.my-linux = "../.."\n' in text


def test_init_where_nothing_can_be_written(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in the place of the directory is told."""
    (pytester.path / "file").touch()
    assert cli.main(["init", "file/mine"]) == 2
    assert "cannot write" in capsys.readouterr().err
