"""Links to the sources of a tree that somebody has built in."""

from __future__ import annotations

from pathlib import Path

from lkltest.kunit import shadow
from lkltest.kunit.fingerprint import fingerprint


def links(place: Path) -> set[str]:
    """The names of all links."""
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_symlink()}


def test_a_built_tree(tmp_path: Path) -> None:
    """The links follow the tree; what a build has made and `make mrproper` removes does not come back."""
    tree, place = tmp_path / "a tree", tmp_path / "sources"
    (tree / "lib").mkdir(parents=True)
    for name in ("Makefile", "lib/a.c", "lib/made.h", ".config"):
        (tree / name).write_text(name)
    place.mkdir()
    cleaned = []

    def clean() -> None:
        cleaned.append(True)
        for name in ("lib/made.h", ".config"):
            (place / name).unlink(missing_ok=True)

    assert shadow.needed(tree)
    shadow.update(tree, place, clean)
    assert links(place) == {"Makefile", "lib/a.c"}
    assert (place / "lib/a.c").read_text() == "lib/a.c"
    (tree / "lib/a.c").unlink()
    (tree / "lib/b.c").touch()
    shadow.update(tree, place, clean)
    assert links(place) == {"Makefile", "lib/b.c"}
    shadow.update(tree, place, clean)
    assert len(cleaned) == 2
    assert (tree / ".config").is_file()


def test_a_run_that_was_killed(tmp_path: Path) -> None:
    """Links of removed sources do not stay where a run was killed, and has left no record of them."""
    tree, place = tmp_path / "tree", tmp_path / "sources"
    tree.mkdir()
    place.mkdir()
    for name in ("a.c", "b.c"):
        (tree / name).touch()
    shadow.update(tree, place, lambda: None)
    (tmp_path / shadow.RECORD).unlink()
    (tree / "a.c").unlink()
    shadow.update(tree, place, lambda: None)
    assert links(place) == {"b.c"}


def test_fingerprint(tmp_path: Path) -> None:
    """A changed, new or removed source changes it; what a build leaves, and another architecture, do not."""
    for name in ("lib/a.c", "arch/um/b.c", "arch/arm/c.c", "Documentation/d.rst"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    seen = [fingerprint(tmp_path)]
    for name in ("lib/a.o", "arch/arm/c.c", "Documentation/e.rst", ".kunit/linux"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("22")
        assert fingerprint(tmp_path) == seen[0]
    (tmp_path / "lib/a.c").write_text("22")
    seen.append(fingerprint(tmp_path))
    (tmp_path / "lib/new.h").touch()
    seen.append(fingerprint(tmp_path))
    (tmp_path / "arch/um/b.c").unlink()
    seen.append(fingerprint(tmp_path))
    assert len(set(seen)) == 4


def test_fingerprint_of_links(tmp_path: Path) -> None:
    """A link counts as the file or directory that it names, also outside of the tree; one that leads back ends."""
    tree, other = tmp_path / "tree", tmp_path / "other"
    for name in ("a.c", "drivers/b.c"):
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text("1")
    (tree / "lib").mkdir(parents=True)
    (tree / "lib/a.c").symlink_to(other / "a.c")
    (tree / "drivers").symlink_to(other / "drivers")
    (tree / "lib/back").symlink_to(tree)
    (other / "drivers/round").symlink_to(other)
    (tree / "lib/nothing").symlink_to("nowhere")
    seen = [fingerprint(tree)]
    for name in ("a.c", "drivers/b.c"):
        (other / name).write_text("22")
        seen.append(fingerprint(tree))
    assert len(set(seen)) == 3
