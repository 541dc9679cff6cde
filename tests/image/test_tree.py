"""The data that both sides of a disk know."""

from pathlib import Path

from lkltest.image import tree


def test_known_data_is_told_apart_by_file_and_by_page() -> None:
    """No page of a file equals another one of it, or one of another file."""
    data = tree.content("a", 5 * tree.PAGE) + tree.content("b", 5 * tree.PAGE)
    pages = {data[start : start + tree.PAGE] for start in range(0, len(data), tree.PAGE)}
    assert len(pages) == 10


def test_known_data_of_a_shorter_file_is_the_beginning_of_a_longer_one() -> None:
    """Known data of a longer file begins with that of a shorter one, so that a file can grow."""
    assert tree.content("a", 10000).startswith(tree.content("a", 4097))
    assert tree.content("a", 0) == b""


def test_known_data_never_changes() -> None:
    """The C harness makes the same: these bytes are what it makes too."""
    assert tree.content("written/size-1", 1) == b"\x15"
    assert tree.content("x", 12).hex() == "e1a557a951eb1ff3f198dd69"


def test_a_difference_is_told_by_its_first_byte() -> None:
    """Or by the lengths, where one is the beginning of the other."""
    data = tree.content("a", 100000)
    flipped = data[:70000] + bytes([data[70000] ^ 1]) + data[70001:]
    assert tree.difference(data, data) is None
    assert "byte 70000 " in (tree.difference(data, flipped) or "")
    assert tree.difference(data, data[:4096]) == "4096 bytes instead of 100000"


def test_the_long_name_is_as_long_as_file_systems_allow() -> None:
    """255 bytes."""
    assert len(tree.LONG) == 255


def test_planted_files_hold_the_known_data(tmp_path: Path) -> None:
    """And the description for mkfs.xfs names each of them."""
    tree.write_tree(tmp_path / "t", symlinks=True)
    described = tree.protofile(tmp_path / "t")
    for name, size in tree.PACKED.items():
        assert (tmp_path / "t" / name).read_bytes() == tree.content(name, size)
        assert f" t/{name}\n" in described
    assert "link l--777 0 0 size-4097" in described
