"""Recipes for disk images, without making any."""

from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.image import load, shipped
from lkltest.image.recipe import holds, size

BASE = 'type = "ext4"\nsize = "16M"\nmkfs = ["mkfs.ext4", "{options}", "{image}"]\noptions = ["-q"]\n'


def write(directory: Path, **files: str) -> Path:
    """Write recipe files."""
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / f"{name}.toml").write_text(text)
    return directory


def test_the_shipped_recipes_cover_what_the_kernels_have() -> None:
    """Every file system, both partition tables, two block sizes and a huge disk are among them."""
    names = {recipe.name for recipe in load([shipped()])}
    assert names >= {"ext2", "ext3", "ext4", "btrfs", "vfat", "xfs", "mbr", "gpt", "ext4-1k", "ext4-4k", "ext4-2t"}


def test_a_shipped_recipe_says_how_it_is_checked_and_read() -> None:
    """No volume of ours goes unjudged by the host."""
    for recipe in load([shipped()]):
        for volume in recipe.volumes("6.0.0"):
            assert volume.checks, recipe.name
            assert volume.read, recipe.name


def test_an_old_kernel_gets_an_xfs_that_it_can_mount() -> None:
    """What today's mkfs.xfs makes by default is left out for kernels before it."""
    xfs = next(recipe for recipe in load([shipped()]) if recipe.name == "xfs")
    assert any("reflink=0" in option for option in xfs.volumes("4.9.0+")[0].options)
    assert any("nrext64=0" in option for option in xfs.volumes("5.15.0")[0].options)
    assert not any("reflink=0" in option for option in xfs.volumes("5.15.0")[0].options)
    assert xfs.volumes("6.1.140")[0].options == ()


def test_power_cuts_are_for_file_systems_that_promise_to_survive_them() -> None:
    """Not for FAT and ext2, nor for partitions."""
    names = {recipe.name for recipe in load([shipped()]) if recipe.cuts}
    assert names >= {"ext3", "ext4", "xfs", "btrfs"}
    assert not names & {"ext2", "vfat", "mbr", "gpt"}


def test_like_takes_all_keys_of_another_recipe(tmp_path: Path) -> None:
    """And replaces those that it gives itself."""
    directory = write(tmp_path / "r", base=BASE, small='like = "base"\nsize = "8M"\n')
    small = load([directory])[1].volumes("6.0")[0]
    assert (small.type, small.size, small.options) == ("ext4", 8 << 20, ("-q",))


def test_when_replaces_keys_and_adds_options(tmp_path: Path) -> None:
    """Only for the kernels that it names."""
    directory = write(tmp_path / "r", base=BASE + '[[when]]\nkernel = "<5.10"\nmount = "old"\noptions = ["-O", "x"]\n')
    recipe = load([directory])[0]
    assert recipe.volumes("5.9.16")[0].options == ("-q", "-O", "x")
    assert recipe.volumes("5.9.16")[0].mount == "old"
    assert recipe.volumes("5.10.0-rc1")[0].options == ("-q",)


def test_a_later_directory_replaces_recipes_of_the_same_name(tmp_path: Path) -> None:
    """So that --lkl-images can change ours, and what is like them."""
    ours = write(tmp_path / "a", base=BASE, small='like = "base"\n')
    theirs = write(tmp_path / "b", base=BASE.replace("16M", "32M"))
    assert [recipe.volumes("6")[0].size for recipe in load([ours, theirs])] == [32 << 20, 32 << 20]


def test_partitions_follow_like(tmp_path: Path) -> None:
    """A table's partitions are file systems as any other."""
    table = 'table = "gpt"\n[[partition]]\nlike = "base"\n[[partition]]\nlike = "base"\nsize = "8M"\n'
    recipe = load([write(tmp_path / "r", base=BASE, gpt=table)])[1]
    assert [volume.size for volume in recipe.volumes("6")] == [16 << 20, 8 << 20]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("size = ", "not TOML"),
        ('size = "1M"\nmkfs = []', "'type' is missing"),
        (BASE + 'colour = "red"', "unknown key 'colour'"),
        (BASE + '[[check]]\ncommand = ["x"]\nquite = []', "unknown key 'quite'"),
        (BASE + '[[check]]\nquiet = []', "'command' is missing"),
        (BASE + '[[check]]\ncommand = ["x"]\nquiet = ["("]', "unterminated"),
        (BASE.replace("16M", "much"), "'much' is not a size"),
        (BASE.replace('["-q"]', '"-q"'), "not a list of texts"),
        (BASE + '[[when]]\nkernel = "old"\n', "not a condition"),
        (BASE + '[[when]]\noptions = []\n', "'kernel' is missing"),
        (BASE + '[[when]]\nkernel = "<5"\nsise = "1M"\n', "unknown key 'sise'"),
        ('like = "nothing"\n', "like = 'nothing'"),
        ('like = "bad"\n', "is like itself"),
        ('table = "apm"\n', "unknown partition table 'apm'"),
        ('table = "gpt"\n', "one to four"),
        ('table = "gpt"\nsize = "1M"\n[[partition]]\ntype = "x"', "unknown key 'size'"),
    ],
)
def test_a_wrong_recipe_is_told_by_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    """The user reads which file, what is wrong, and no traceback."""
    with pytest.raises(UsageError, match=complaint) as error:
        load([write(tmp_path / "r", bad=text)])
    assert "bad.toml" in str(error.value)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the option that named it."""
    with pytest.raises(UsageError, match="--lkl-images"):
        load([tmp_path / "none"])


@pytest.mark.parametrize(
    ("condition", "version", "expected"),
    [
        ("<5.10", "4.9.0+", True), ("<5.10", "5.10.0", False), ("<5.10", "5.9", True), (">=4", "4.9.0", True),
        ("==4.9", "4.9.337", True), ("<=4.9", "4.10", False), (">6", "6.0.1", False), (" < 5 ", "4.19-rc1", True),
    ],
)
def test_versions_are_compared_number_by_number(condition: str, version: str, expected: bool) -> None:
    """As deep as the condition goes."""
    assert holds(condition, version) is expected


def test_sizes_have_units_of_1024() -> None:
    """As dd and truncate have them."""
    assert [size(text) for text in ("512", "1K", "3M", "2T")] == [512, 1024, 3 << 20, 2 << 40]
