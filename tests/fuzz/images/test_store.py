"""A corpus of images: what one session keeps, the next one begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.fuzz.images.maker import STORED, ImageEntry, Maker
from lkltest.fuzz.images.store import ImageStore
from lkltest.fuzz.images.target import Target, with_kernel
from lkltest.fuzz.prog.reach import Reach
from lkltest.image.metadata import unsealed
from lkltest.settings import Settings


@pytest.fixture
def kept(ext4: Target, tmp_path: Path) -> Maker:
    """A maker that has kept some inputs in a directory."""
    maker = Maker(ext4, "1")
    maker.resume(ImageStore(tmp_path, ext4), 0, 1)
    made = maker.batch(40)
    maker.learn(made, [Reach(n, {len(one.calls) - 1: frozenset({n})}) for n, (one, _) in enumerate(made)])
    assert len(list(tmp_path.iterdir())) == len(maker.corpus) > 30
    return maker


def test_a_session_begins_with_what_another_one_kept(ext4: Target, kept: Maker, tmp_path: Path) -> None:
    """The inputs of a corpus come first, each by one of the workers, with their images, mounts and programs."""
    made, counts = set(), list[int]()
    for worker in range(2):
        maker = Maker(ext4, f"other/{worker}")
        maker.resume(ImageStore(tmp_path, ext4, pytest.fail), worker, 2)
        count = len(maker.waiting)
        counts.append(count)
        inputs = maker.batch(count + 1)
        assert [origin.kind for _, origin in inputs] == [*[STORED] * count, "fresh"]
        made |= {(one.changes, tuple(call.code for call in one.calls)) for one, _ in inputs[:count]}
        maker.learn(inputs[:1], [Reach(0, {2: frozenset({1})})])
        assert maker.corpus.entries
    entries = [entry for entry in kept.corpus.entries if isinstance(entry, ImageEntry)]
    assert made == {(e.changes, tuple(c.code for c in (*e.head, *e.candidate.calls))) for e in entries}
    assert sum(counts) == len(entries)
    assert min(counts) > len(entries) // 3
    assert len(list(tmp_path.iterdir())) == len(entries)  # what was stored is not written again


def test_an_image_of_another_base_gets_right_checksums(ext4: Target, kept: Maker, tmp_path: Path) -> None:
    """The recipe's image of another session is another one: its difference is made, and all checksums fit."""
    other = replace(ext4, sha256="0" * 64)
    inputs = list(ImageStore(tmp_path, other, pytest.fail).read(kept.scenario))
    assert len(inputs) == len(kept.corpus)
    assert not [one for one in inputs if unsealed(other.overlay(one.changes), other.metadata.blocks)]
    assert sum(bool(one.changes) for one in inputs) > len(inputs) // 2


def test_files_that_cannot_be_read_are_told(ext4: Target, tmp_path: Path) -> None:
    """A file without a difference, one without a mount, and one without calls are left out with a reason."""
    head = f"recipe ext4\nbase sha256:{ext4.sha256} {ext4.base.size} bytes\n"
    (tmp_path / "a.image").write_text("nothing\n\ngetpid()\n")
    (tmp_path / "b.image").write_text(f"{head}\ngetpid()\n")
    (tmp_path / "c.image").write_text("")
    (tmp_path / "d.image").write_text(f"{head.replace('ext4', 'xfs')}\ngetpid()\n")  # another recipe's: no complaint
    told: list[str] = []
    maker = Maker(ext4, "1")
    maker.resume(ImageStore(tmp_path, ext4, told.append), 0, 1)
    assert maker.waiting == []
    names = [line.partition(" is left out: ")[0].rpartition("/")[2] for line in told]
    assert sorted(names) == ["a.image", "b.image", "c.image"]


def test_a_guided_session_has_an_instrumented_kernel(settings: Settings) -> None:
    """With a corpus, the default kernel is an instrumented variant with the file system; another one is left as is."""
    plain = replace(settings, lkl=(), variant="default", cov=None)
    assert with_kernel(plain, "ext4", guided=True).variant == "guided"
    assert with_kernel(plain, "btrfs", guided=True).variant == "coverage"
    assert with_kernel(plain, "ext4").variant == "fast"
    own = replace(plain, lkl=(Path("a"),))
    assert with_kernel(own, "ext4", guided=True) == own
