"""Disks of libraries that take an image in another way than by its file descriptor."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest.liblkl import Liblkl, lacking
from tests.harness.stream import SHAPES, Run, failed

IN_MEMORY = ("-include", str(SHAPES / "in_memory.h"))
PAGE = bytes(range(256)) * 16


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A disk of sixteen pages, the first of which is known."""
    path = tmp_path / "disk.img"
    path.write_bytes(PAGE + bytes(15 * len(PAGE)))
    return path


@pytest.mark.parametrize("flags", [(), IN_MEMORY], ids=["file", "memory"])
def test_a_kernel_reads_and_writes_an_image(run: Run, image: Path, flags: tuple[str, ...]) -> None:
    """The image's file has what the kernel wrote, where the library reads it and where it wants it in memory."""
    output = run("sector", f"disk={image}", flags=flags)
    assert (output.status, failed(output)) == (0, [])
    assert image.read_bytes()[: 2 * len(PAGE)] == PAGE * 2


def test_a_library_that_loses_the_size_of_a_disk_is_named(run: Run, image: Path) -> None:
    """A disk of another size than its image fails at the point that first looks for it, and says whose fault it is."""
    output = run("sector", f"disk={image}", flags=(*IN_MEMORY, "-DSHAPE_NO_CAPACITY"))
    assert failed(output) == ["copy"]
    assert "vda has 0 sectors, its image 128: lkl_disk_add() of this library" in str(output.points["copy"].block)


@pytest.mark.parametrize(("members", "expected"), [
    ("void *buffer; unsigned long long capacity;", True),
    ("void *buffer;", False),
    ("unsigned long long capacity;", False),
    ("/* void *buffer; unsigned long long capacity; */", False),
])
def test_headers_tell_that_an_image_is_wanted_in_memory(tmp_path: Path, members: str, expected: bool) -> None:
    """The members of struct lkl_disk decide, and none of a comment."""
    union = "union { int fd; void *handle; };"
    (tmp_path / "lkl.h").write_text(f"struct lkl_disk {{\n\tvoid *dev;\n\t{union}\n\t{members}\n}};\n")
    assert bool(lacking.disks([tmp_path])) is expected


def test_the_default_kernel_reads_files(liblkl: Liblkl) -> None:
    """A library of LKL's own is given a file descriptor."""
    assert lacking.disks(liblkl.include) == ()


REFUSED = """
#include <lkltest.h>
#include <lkltest/disk.h>
static struct lkltest_disk whole, failing, later;
POINT(add)
{
	whole.path = failing.path = later.path = lkltest_arg("disk");
	failing.fail = LKLTEST_FAIL_READS;
	lkltest_disk_add(&whole, NULL);
	lkltest_disk_add(&failing, NULL);
	lkltest_disk_add(&later, NULL);
}
POINT(start_kernel) { lkltest_start_kernel(); }
POINT(use_failing) { lkltest_disk_node(&failing, 0); }
POINT(use_later) { lkltest_disk_node(&later, 0); }
POINT(stop_kernel) { lkltest_stop_kernel(); }
POINT(remove) { lkltest_disk_remove(&failing); lkltest_disk_remove(&later); }
LKLTEST_POINTS = {
	LKLTEST(add), LKLTEST(start_kernel), LKLTEST(use_failing), LKLTEST(use_later),
	LKLTEST(stop_kernel), LKLTEST(remove),
};
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""


def test_points_without_their_disk_skip(run: Run, image: Path, tmp_path: Path) -> None:
    """UML's library mode attaches no disk that fails on purpose: each point that looks for one says so and skips."""
    source = tmp_path / "refused.c"
    source.write_text(REFUSED)
    output = run(source, f"disk={image}", flags=("-include", str(SHAPES / "um_v8.h")))
    assert (output.status, failed(output)) == (0, [])
    reasons = {name: point.reason for name, point in output.points.items() if point.directive == "SKIP"}
    assert set(reasons) == {"add", "use_failing", "use_later"}
    assert all("its library has no lkl_dev_blk_ops" in str(reason) for reason in reasons.values())
