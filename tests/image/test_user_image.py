"""A user's own image: looked at, copied, never written to."""

import os
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.image import MissingTool, copy_user_image, fsck, load, make, shipped, tools
from lkltest.image.user_image import identify

RECIPES = load([shipped()])


def made(name: str, directory: Path) -> Path:
    """An image of one of our recipes; a skip where a tool is missing."""
    try:
        return make(next(recipe for recipe in RECIPES if recipe.name == name), "4.9.0", directory).path
    except MissingTool as missing:
        pytest.skip(str(missing))


def test_a_users_image_is_copied_and_known(tmp_path: Path) -> None:
    """The type of a user's image is read off it; the user's file is not written to."""
    theirs = made("gpt", tmp_path)
    before = theirs.stat().st_mtime_ns, theirs.read_bytes()
    (tmp_path / "copy").mkdir()
    image, recipe = copy_user_image(theirs, RECIPES, "6.0", tmp_path / "copy")
    assert image.path != theirs
    assert (image.table, recipe.name) == ("gpt", "ext4")
    assert [(place.volume.type, place.number) for place in image.places] == [("ext4", 1), ("ext4", 2)]
    assert fsck.check(image) == []
    image.path.write_bytes(b"")
    assert (theirs.stat().st_mtime_ns, theirs.read_bytes()) == before


def test_partitions_have_the_numbers_that_the_kernel_gives_them(tmp_path: Path) -> None:
    """A table may have gaps, and a file's name may end in a digit."""
    path = tmp_path / "disk-7"
    path.write_bytes(bytes(64 << 20))
    script = b"label: gpt\n3: size=8M\n5: size=40M\n"
    assert process.run([tools.find("sfdisk"), "-q", str(path)], stdin=script).ok
    with path.open("r+b") as file:
        file.seek(9 << 20)
        file.write(made("vfat", tmp_path).read_bytes()[: 40 << 20])
    table, found = identify(path, RECIPES)
    assert table == "gpt"
    assert [(number, recipe.name) for (number, _, _), recipe in found] == [(5, "vfat")]


def test_a_recipe_of_the_users_own_is_found_by_its_type(tmp_path: Path) -> None:
    """Whatever its file is called."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "any.toml").write_text(
        'type = "ext2"\nsize = "4M"\nmkfs = ["mkfs.ext2", "-q", "{image}"]\n'
    )
    recipes = load([tmp_path / "mine"])
    image = make(recipes[0], "6.0", tmp_path)
    assert identify(image.path, recipes)[1][0][1].name == "any"


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("missing", "does not exist"), ("directory", "is a directory"), ("pipe", "is no image file"),
        ("empty", "is empty: 0 bytes"), ("zeroes", "has no file system .* but nothing that blkid knows"),
        ("swap", "has no file system .* but swap: add a recipe"),
        ("bare-table", "has no file system .* but no partition"),
    ],
)
def test_what_is_no_image_for_a_recipe_is_told(what: str, complaint: str, tmp_path: Path) -> None:
    """With the file, what it is instead, and the next step."""
    path = tmp_path / what
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what != "missing":
        path.write_bytes(b"" if what == "empty" else bytes(1 << 20))
    if what == "swap":
        assert process.run([tools.find("mkswap"), str(path)]).ok
    elif what == "bare-table":
        assert process.run([tools.find("sfdisk"), "-q", str(path)], stdin=b"label: dos\n").ok
    with pytest.raises(UsageError, match=complaint) as error:
        identify(path, RECIPES)
    assert f"--lkl-image {path}" in str(error.value)


def test_an_image_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason."""
    path = tmp_path / "secret.img"
    path.write_bytes(bytes(1 << 20))

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # root may read everything
    with pytest.raises(UsageError, match=r"secret\.img cannot be read: Permission denied"):
        identify(path, RECIPES)
