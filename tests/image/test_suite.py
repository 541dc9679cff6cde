"""The disk suite itself, run by pytest on a real kernel and lied to."""

from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.image import tree
from lkltest.liblkl import Liblkl
from lkltest.program.table import read
from lkltest.settings import Settings

SUITE = Path(__file__).parents[2] / "suites" / "disk"
ITEMS = len(read(SUITE / "disk.c")) + 1  # its points, and its end

LIAR = """
from pathlib import Path
from lkltest import Program
from lkltest.image import tree

@Program({program!r}, native=False)
def disk(image):
    results = yield image.arguments
    data = image.path.read_bytes()
    position = data.find(tree.content("written/size-4097", 4096)) if {lie} else -1
    if position >= 0:
        with image.path.open("r+b") as file:
            file.seek(position + 99)
            file.write(bytes([data[position + 99] ^ 1]))
    image.check(results)
"""


@pytest.mark.parametrize("lie", [False, True])
def test_one_byte_flipped_after_the_program_has_ended_fails_exit(
    pytester: pytest.Pytester, liblkl: Liblkl, lie: bool
) -> None:
    """The kernel has read it back well before; only the host can tell."""
    pytester.makepyfile(test_liar=LIAR.format(program=str(SUITE / "disk.c"), lie=lie))
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", "-p", "no:cacheprovider", "-k", "ext4-1k]")
    deselected = result.parseoutcomes()["deselected"]
    if lie:
        result.assert_outcomes(passed=ITEMS - 1, failed=1, deselected=deselected)
        result.stdout.fnmatch_lines(["*written/size-4097: read on the host, byte 99 is*"])
    else:
        result.assert_outcomes(passed=ITEMS, deselected=deselected)


def test_a_users_own_image_and_recipe_are_run(pytester: pytest.Pytester, liblkl: Liblkl, tmp_path: Path) -> None:
    """--lkl-images adds a recipe to ours; a recipe with a mistake is told before anything runs."""
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    (recipes / "mine.toml").write_text('like = "ext2"\noptions = ["-b", "2048"]\n')
    arguments = (f"--lkl={liblkl.path}", "-p", "no:cacheprovider", "--lkl-images", str(recipes))
    pytester.makepyfile(test_mine=LIAR.format(program=str(SUITE / "disk.c"), lie=False))
    result = pytester.runpytest_subprocess(*arguments, "-k", "mine]")
    result.assert_outcomes(passed=ITEMS, deselected=result.parseoutcomes()["deselected"])
    (recipes / "mine.toml").write_text('like = "ext2"\ncolour = "red"\n')
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*mine.toml: unknown key 'colour'*"])


@pytest.mark.parametrize(("time", "caught"), [(1, "kept_files"), (2, "*full"), (1000, "")])
def test_one_bit_that_the_disk_reads_wrong_is_caught_by_the_program(
    pytester: pytest.Pytester, liblkl: Liblkl, settings: Settings, tmp_path: Path, time: int, caught: str
) -> None:
    """In the point that reads it, whichever that is; no other one fails but those that need it. The images are kept."""
    source = Path(__file__).parent / "programs" / "liar.c"
    library = tmp_path / "liar.so"
    assert process.run([*settings.cc, "-shared", "-fPIC", str(source), "-o", str(library), "-ldl"]).ok
    word = tree.content("written/size-4096", 8).hex()
    wrapper = f"env LD_PRELOAD={library} LIAR_WORD={word} LIAR_TIME={time}"
    pytester.makepyfile(test_honest=LIAR.format(program=str(SUITE / "disk.c"), lie=False))
    result = pytester.runpytest_subprocess(
        f"--lkl={liblkl.path}", "-p", "no:cacheprovider", "-k", "ext4-4k]", "--lkl-wrapper", wrapper
    )
    failed = [line for line in result.outlines if line.startswith("FAILED ")]
    reached = [line for line in failed if "kept_after_full[lkl-4.9.0-ext4-4k] - not reached" not in line]
    assert len(reached) == (1 if caught else 0)
    assert len(failed) == result.parseoutcomes().get("failed", 0)
    if caught:
        result.stdout.fnmatch_lines([f"FAILED *disk::{caught}[[]*"])
        assert "written/size-4096: byte 100 is" in result.stdout.str()
    kept = (pytester.path / "lkltest-artifacts").glob("*/*.img.tar.*")
    names = sorted(path.name.partition(".tar")[0] for path in kept)
    assert names == (["ext4-4k-second.img", "ext4-4k.img"] if caught else [])


@pytest.mark.parametrize(("lie", "caught"), [("frozen", True), ("one_block", False)])
def test_free_room_that_does_not_shrink_is_caught(
    pytester: pytest.Pytester, liblkl: Liblkl, lie: str, caught: bool
) -> None:
    """A file must take its room; a block that comes back meanwhile from what was removed before is no fault."""
    flags = ["-include", str(Path(__file__).parent / "programs" / "statfs_lies.h"), f"-DLIE={lie}"]
    suite = LIAR.format(program=str(SUITE / "disk.c"), lie=False).replace("native=False", f"flags={flags}")
    pytester.makepyfile(test_free=suite)
    arguments = ("-p", "no:cacheprovider", "-k", "ext4-1k] and statfs")
    result = pytester.runpytest_subprocess(f"--lkl={liblkl.path}", *arguments)
    assert result.parseoutcomes().get("failed", 0) == caught
    assert result.parseoutcomes().get("passed", 0) == (not caught)
    if caught:
        result.stdout.fnmatch_lines(["*after <= before - statfs_bytes + hidden(statfs_bytes)"])
