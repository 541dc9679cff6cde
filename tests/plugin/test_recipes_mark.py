"""The mark that chooses the recipes of a suite."""

from __future__ import annotations

import pytest

MARKED = """
import pytest
pytestmark = pytest.mark.lkl_recipes({names})
def test_disk(image): pass
"""


def test_a_marked_suite_has_the_images_of_its_recipes(pytester: pytest.Pytester) -> None:
    """The recipes of its names, and no others."""
    pytester.makepyfile(MARKED.format(names="'xfs', 'ext4-1k'"))
    result = pytester.runpytest("--collect-only", "-q")
    items = [line for line in result.outlines if "::" in line]
    assert len(items) == 2
    assert {name for name in ("xfs", "ext4-1k") if any(name in item for item in items)} == {"xfs", "ext4-1k"}


def test_a_marked_suite_does_not_take_a_users_image(pytester: pytest.Pytester) -> None:
    """It is about a file system of which a user's image may be none."""
    (pytester.path / "my.img").write_bytes(bytes(4096))
    pytester.makepyfile(MARKED.format(names="'xfs'"))
    result = pytester.runpytest("--collect-only", "-q", "--lkl-image=my.img")
    assert not [line for line in result.outlines if "my" in line and "::" in line]


def test_a_suite_may_have_recipes_of_its_own(pytester: pytest.Pytester) -> None:
    """They lie in a directory beside its file, and other suites do not run on them."""
    (pytester.mkdir("mine") / "small.toml").write_text('like = "ext4"\nsize = "8M"\n')
    pytester.makepyfile(MARKED.format(names="'small', directory='mine'"), test_other="def test_other(image): pass\n")
    result = pytester.runpytest("--collect-only", "-q")
    assert [line for line in result.outlines if "small" in line and "test_disk" in line]
    assert not [line for line in result.outlines if "small" in line and "test_other" in line]


def test_a_recipe_that_is_not_there_is_an_error(pytester: pytest.Pytester) -> None:
    """The message names it, and those that are there."""
    pytester.makepyfile(MARKED.format(names="'xsf'"))
    result = pytester.runpytest("--collect-only", "-q")
    assert result.ret != 0
    assert "the mark lkl_recipes names 'xsf', but the recipes are btrfs, " in result.stdout.str() + result.stderr.str()
