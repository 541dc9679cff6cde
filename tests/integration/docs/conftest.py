"""A user's home, with the kernel trees that the documentation names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.coverage.conftest import shared  # noqa: F401 -- a fixture
from tests.integration.docs.terminal import Terminal

TREES = ("linux", "linux-4.14", "linux-6.0", "linux-arm64", "linux-win", "lkl", "lkl-linux", "linux-um")


@pytest.fixture(scope="session")
def home(liblkl: Liblkl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose kernel trees are all the tests' own kernel, beside what is built of a tree as UML.

    They have no makefile: nothing can build in them, and so in the kernel that all tests share.
    """
    made = tmp_path_factory.mktemp("home")
    uml = shutil.which("linux.uml")
    for name in TREES:
        tree = made / name
        tree.mkdir()
        assert liblkl.root is not None
        for entry in liblkl.root.iterdir():
            if entry.name != "Makefile":
                (tree / entry.name).symlink_to(entry)
        (tree / ".kunit").mkdir()
        (tree / "known-failures.txt").write_text("# none\n")
        for place in (tree / "linux", tree / ".kunit" / "linux"):
            if uml:
                place.symlink_to(uml)
    return made


@pytest.fixture
def terminal(home: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A directory of a user who has built the tests' kernel."""
    monkeypatch.delenv("LKLTEST_LKL", raising=False)
    return Terminal(tmp_path, {"HOME": str(home), "LKLTEST_CACHE": str(settings.cache)})
