"""Configurations are merged as kunit.py merges them, and what kconfig drops is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.kunit import config


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the configurations that kunit.py knows."""
    configs = tmp_path / config.CONFIGS
    configs.mkdir(parents=True)
    (configs / "default.config").write_text("CONFIG_KUNIT=y\n")
    (configs / "all_tests.config").write_text("# many\nCONFIG_KUNIT=y\nCONFIG_NET=y\n")
    (configs / "arch_uml.config").write_text("CONFIG_VIRTIO_UML=y\nCONFIG_NET=n\n")
    (tmp_path / "fs/ext4").mkdir(parents=True)
    (tmp_path / "fs/ext4/.kunitconfig").write_text('CONFIG_EXT4_FS=y\n# CONFIG_NET is not set\nCONFIG_S="a b"\n')
    return tmp_path


def test_default(tree: Path) -> None:
    """Nothing given means the user's own .kunitconfig, else the tree's default, above UML's own options."""
    assert config.chosen(tree, (), everything=False) == [tree / config.DEFAULT]
    assert config.merge(tree, [tree / config.DEFAULT], ()) == {"VIRTIO_UML": "y", "NET": "n", "KUNIT": "y"}
    (tree / ".kunit").mkdir()
    (tree / ".kunit/.kunitconfig").write_text("CONFIG_KUNIT=y\n")
    assert config.chosen(tree, (), everything=False) == [tree / ".kunit/.kunitconfig"]


def test_directory_of_the_tree(tree: Path) -> None:
    """A directory stands for its .kunitconfig, and may be named from the tree's root."""
    paths = config.chosen(tree, ["fs/ext4"], everything=False)
    assert config.merge(tree, paths, ["CONFIG_NET=y"]) == {"VIRTIO_UML": "y", "NET": "y", "EXT4_FS": "y", "S": '"a b"'}


def test_conflict(tree: Path) -> None:
    """Two files that want different values are refused, with the option and both files."""
    paths = config.chosen(tree, ["fs/ext4"], everything=True)
    with pytest.raises(UsageError, match=r"CONFIG_NET is y in .*all_tests\.config, and n in .*ext4"):
        config.merge(tree, paths, ())


@pytest.mark.parametrize("text", ["CONFIG_X", "X=y", "CONFIG_X = y"])
def test_unreadable(text: str) -> None:
    """A line that is no option is refused, with its number and where it comes from."""
    with pytest.raises(UsageError, match="--kconfig-add, line 2"):
        config.parse(f"# a comment\n{text}", "--kconfig-add")


def test_nothing_there(tree: Path) -> None:
    """A file that is not there, and a tree without KUnit, are refused with the next step."""
    with pytest.raises(UsageError, match="no kunitconfig nowhere"):
        config.chosen(tree, ["nowhere"], everything=False)
    (tree / config.DEFAULT).unlink()
    with pytest.raises(UsageError, match="it has no KUnit"):
        config.chosen(tree, (), everything=False)


def test_lost_options() -> None:
    """An option that is gone or has another value is lost; one that is to be unset may be absent."""
    wanted = {"A": "y", "B": "y", "C": "n", "D": "n", "E": "4"}
    assert config.lost(wanted, {"A": "y", "D": "y", "E": "8"}) == [
        "CONFIG_B=y", "CONFIG_D=n (became y)", "CONFIG_E=4 (became 8)"]  # fmt: skip
