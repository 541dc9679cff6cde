"""The command that tries a kept power cut again."""

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.cli import main
from lkltest.errors import Exit
from lkltest.image import MissingTool, load, scratch, shipped
from lkltest.liblkl import Liblkl
from lkltest.powercut import cuts
from lkltest.powercut.recording import Cut
from lkltest.settings import Settings

PROGRAMS = Path(__file__).parents[2] / "suites" / "disk"


@pytest.mark.parametrize("honest", [True, False])
def test_replay_tells_whether_the_disk_survives(
    honest: bool, liblkl: Liblkl, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code of a replay, on the kernel that failed, tells whether the disk survives; the output, why not."""
    recipe = next(recipe for recipe in load([shipped()]) if recipe.name == "ext3")
    with scratch.directory() as directory:
        try:
            disk = cuts.record(recipe, liblkl, PROGRAMS, settings, directory, "steps=5")
        except (MissingTool, cuts.Skipped) as reason:
            pytest.skip(str(reason))
        recording = disk.recording
        last = len(recording.events)
        # The lie: nothing that was written has reached the disk, and yet all is promised.
        cut = Cut(last - 1 if honest else -1, last, ())
        cuts.keep(replace(disk, recording=recording), cut, ["a problem"], tmp_path / "kept")
    kept = tmp_path / "kept"
    assert main(["replay", str(kept)]) == (Exit.PASSED if honest else Exit.FAILED)
    printed = capsys.readouterr().out
    assert f"\nlkl-{liblkl.version}" in printed
    assert ("the disk survives" in printed) is honest
    assert ("promised" in printed) is not honest
    (kept / "recording").unlink()
    assert main(["replay", str(kept)]) == Exit.USAGE
    assert "no recording" in capsys.readouterr().err


def test_replay_of_a_broken_recipe_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2."""
    for text in ("{", "[]", '{"volume": 3}'):
        (tmp_path / "cut.json").write_text(text)
        assert main(["replay", str(tmp_path)]) == Exit.USAGE
        assert "no power cut that lkltest has kept" in capsys.readouterr().err
