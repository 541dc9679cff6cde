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
            assert volume.check, recipe.name
            assert volume.read, recipe.name


def test_an_old_kernel_gets_an_xfs_that_it_can_mount() -> None:
    """Features that today's mkfs.xfs makes by default are left out for kernels before them."""
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


def test_a_command_of_another_recipe_is_left_out_by_an_empty_one(tmp_path: Path) -> None:
    """The other keys are still like the other recipe's."""
    read = 'read = ["debugfs", "-R", "cat {path}", "{image}"]\n'
    recipes = load([write(tmp_path / "r", base=BASE + read, unread='like = "base"\nread = []\n')])
    assert [bool(recipe.volumes("6")[0].read) for recipe in recipes] == [True, False]
    with pytest.raises(UsageError, match=r"mkfs: \[\] has no \{image\}"):
        load([write(tmp_path / "r", base=BASE, unmade='like = "base"\nmkfs = []\n')])


def test_a_later_directory_replaces_recipes_of_the_same_name(tmp_path: Path) -> None:
    """A recipe of --lkl-images replaces ours of the same name, also for recipes that are like it."""
    ours = write(tmp_path / "a", base=BASE, small='like = "base"\n')
    theirs = write(tmp_path / "b", base=BASE.replace("16M", "32M"))
    assert [recipe.volumes("6")[0].size for recipe in load([ours, theirs])] == [32 << 20, 32 << 20]


def test_partitions_follow_like(tmp_path: Path) -> None:
    """A table's partitions are file systems as any other."""
    table = 'table = "gpt"\n[[partition]]\nlike = "base"\n[[partition]]\nlike = "base"\nsize = "8M"\n'
    recipe = load([write(tmp_path / "r", base=BASE, gpt=table)])[1]
    assert [volume.size for volume in recipe.volumes("6")] == [16 << 20, 8 << 20]


CHECK = BASE + '[[check]]\ncommand = ["e2fsck", "{image}"]\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'type' is missing"),
        ("size = ", "not TOML"),
        (BASE + BASE, "not TOML: Cannot overwrite a value"),
        ('size = "1M"\nmkfs = ["mkfs.ext4", "{image}"]', "'type' is missing"),
        (BASE + 'colour = "red"', "unknown key 'colour'; known: check, config"),
        (BASE.replace('"16M"', "3"), 'size: 3 is not a size such as "192M"'),
        (BASE.replace("16M", "much"), "size: 'much' is not a size"),
        (BASE.replace("16M", "1000"), "in whole sectors"),
        (BASE.replace('["-q"]', '"-q"'), "options: '-q' is not a list in brackets"),
        (BASE.replace('["-q"]', "[1]"), "options: 1 is not a text in quotes"),
        (BASE.replace('"ext4"', "4"), "type: 4 is not a text in quotes"),
        (BASE.replace(', "{image}"', ""), r"mkfs: .* has no \{image\}"),
        (BASE.replace(', "{options}"', ""), r"mkfs: .* has no \{options\}, the place of the key 'options'"),
        (BASE + 'pack = ["-d", "{tree}"]', r"mkfs: .* has no \{pack\}"),
        (BASE + 'read = ["debugfs", "{image}"]', r"read: .* has no \{path\}"),
        (BASE + 'lacks = ["wings"]', "lacks: 'wings' is not one of links, symlinks"),
        (BASE + 'cuts = "yes"', "cuts: 'yes' is not true or false"),
        (BASE + 'packages = ["e2fsprogs"]', "packages: .* is not a table such as"),
        (BASE.replace("mkfs.ext4", "mkfs.nonesuch"), "'mkfs.nonesuch' is no program that is known here"),
        (CHECK.replace("e2fsck", "e2fsckk"), "'e2fsckk' is no program that is known here"),
        (CHECK + "quite = []", "check: unknown key 'quite'"),
        (CHECK + 'quiet = ["("]', "check: quiet: .* is not a regular expression: .*unterminated"),
        (CHECK + 'status = ["0"]', "check: status: '0' is not an exit status"),
        (CHECK.replace("[[check]]", "[check]"), "check: .* double brackets"),
        (BASE + '[[check]]\nquiet = []', "check: 'command' is missing"),
        (BASE + '[when]\nkernel = "<5"\n', "when: .* double brackets"),
        (BASE + 'when = ["<5"]', "when: '<5' is not a table"),
        (BASE + '[[when]]\nkernel = "old"\n', "when: kernel: 'old' is not a condition"),
        (BASE + '[[when]]\noptions = []\n', "when: 'kernel' is missing"),
        (BASE + '[[when]]\nkernel = "<5"\nsise = "1M"\n', "when: unknown key 'sise'"),
        (BASE + '[[when]]\nkernel = ">99"\nsize = 1\n', "when: size: 1 is not a size"),
        ('like = "nothing"\n', "like: 'nothing' is no recipe"),
        ('like = 1\n', "like: 1 is not a text"),
        ('like = "bad"\n', "like: 'bad' is like itself"),
        ('table = "apm"\n', "table: 'apm' is not one of mbr, gpt"),
        ('table = "gpt"\n', "one to four"),
        ('[[partition]]\nlike = "bad"\n', "one to four"),
        ('table = "gpt"\npartition = [1]\n', "partition: 1 is not a table with its head in double brackets"),
        ('table = "gpt"\n[partition]\nlike = "bad"\n', "partition: .* double brackets"),
        ('table = "gpt"\n[[partition]]\nsise = "1M"\n', "partition: unknown key 'sise'"),
        ('table = "gpt"\nsize = "1M"\n[[partition]]\ntype = "x"', "unknown key 'size'; known: partition, table"),
    ],
)
def test_a_wrong_recipe_is_told_by_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    """The user reads which file, which key, what belongs there, and no traceback."""
    with pytest.raises(UsageError, match=complaint) as error:
        load([write(tmp_path / "r", bad=text)])
    assert str(error.value).startswith(f"{tmp_path / 'r' / 'bad.toml'}: ")


def test_a_mistake_is_told_of_the_file_that_has_it(tmp_path: Path) -> None:
    """Not of another one that is like it."""
    with pytest.raises(UsageError, match=r"z\.toml: size"):
        load([write(tmp_path / "r", a='like = "z"\n', z=BASE.replace('"16M"', "3"))])


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    """A file that is not UTF-8, and a directory of a recipe's name."""
    path = tmp_path / "latin.toml"
    path.write_bytes(b'type = "\xe4"')
    with pytest.raises(UsageError, match=r"latin\.toml: not TOML"):
        load([tmp_path])
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match=r"latin\.toml: cannot be read: Is a directory"):
        load([tmp_path])


def test_a_directory_without_recipes_is_told(tmp_path: Path) -> None:
    """Their names must end in .toml."""
    with pytest.raises(UsageError, match="no image recipe in"):
        load([tmp_path])


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
    """Versions are compared by as many numbers as the condition has."""
    assert holds(condition, version) is expected


def test_sizes_have_units_of_1024() -> None:
    """Units of sizes are powers of 1024, as for dd and truncate."""
    assert [size(text) for text in ("512", "1K", "3M", "2T")] == [512, 1024, 3 << 20, 2 << 40]
