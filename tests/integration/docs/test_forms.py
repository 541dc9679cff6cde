"""Blocks that are no code: recipes are made, lists and JSON read, output compared with the real one's form.

Blocks with a title are files of the sessions that test_sessions.py runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest import cc, cli, known_failures
from lkltest.crash import symbolize
from lkltest.crash.headline import headline
from lkltest.host import process
from lkltest.image import MissingTool, fsck, load, make, shipped
from lkltest.image.metadata import difference
from lkltest.kselftest import tests as kselftests
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from lkltest.tap.parser import Parser
from lkltest.tap.report import Report
from tests.integration.docs.pages import ROOT, Block, blocks

FRAME = re.compile(r"  #\d+ +\w+ +\S+:\d+( \(inlined\))?")  # of a stack, where all is known


def is_drawing(block: Block) -> bool:
    """Whether a block is a picture made of arrows."""
    return "─►" in block.text


@pytest.mark.parametrize("block", [block for block in blocks("toml") if not block.title], ids=str)
def test_recipes_make_images_that_are_whole(block: Block, tmp_path: Path) -> None:
    """A recipe of a page makes an image in which the host finds no damage."""
    (tmp_path / "example.toml").write_text(block.text)
    (recipe,) = [each for each in load([shipped(), tmp_path]) if each.name == "example"]
    try:
        assert fsck.check(make(recipe, "6.0", tmp_path)) == []
    except MissingTool as missing:
        pytest.skip(str(missing))


def test_configurations_name_their_file() -> None:
    """YAML is of a CI service, by the name of its file, which tests/test_docs.py holds against the service's schema."""
    assert {block.title for block in blocks("yaml")} == {".gitlab-ci.yml"}


def test_json_has_the_keys_of_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON that is shown, the only one, is that of `lkltest tap --json` without its streams."""
    (block,) = blocks("json")
    (tmp_path / "log").write_text("1..1\nok 1\n")
    assert cli.main(["tap", "--json", str(tmp_path / "log")]) == 0
    assert json.loads(block.text) == json.loads(capsys.readouterr().out) | {"streams": []}


def check_tap(block: Block, liblkl: Liblkl, settings: Settings, tmp_path: Path) -> None:
    """TAP has the points and the keys of the page's program, with a check that fails."""
    (program,) = blocks("c", pages=[block.page])
    check = "CHECK_EQ(lkl_sys_getpid(), "
    failing = program.text.replace(f"{check}1", f'lkltest_property("latency_ns", "83");\n{check}2')
    assert failing != program.text
    (tmp_path / "boot.c").write_text(failing)
    printed = process.run([cc.compile(tmp_path / "boot.c", liblkl, settings)], timeout=120)
    shown, real = read(block.text.encode()), read(printed.output)
    assert [point.description for point in shown.points] == [point.description for point in real.points]
    for ours, theirs in zip(shown.points, real.points, strict=True):
        assert ours.ok == theirs.ok
        assert ours.diagnostics.keys() - {"log"} == theirs.diagnostics.keys() - {"log"}


def read(text: bytes) -> Report:
    """The report of a stream, which has no problem."""
    parser = Parser()
    list(parser.feed(text))
    parser.close()
    assert parser.report.problems == []
    return parser.report


def check_stack(block: Block, liblkl: Liblkl, settings: Settings, tmp_path: Path) -> None:  # noqa: ARG001
    """The lines of a stack have the form of those of a real crash."""
    program = cc.compile(ROOT / "docs" / "examples" / "crash.c", liblkl, settings)
    real = symbolize.explain(process.run([program], timeout=120).errors).splitlines()
    for title, *frames in (block.text.splitlines(), real):
        assert re.match(r"SIGSEGV at address 0x[0-9a-f]+ in thread \d+", title)
        assert sum(FRAME.fullmatch(line) is not None for line in frames) > 5
    assert all(FRAME.fullmatch(line) or line == "  ..." for line in block.text.splitlines()[1:])


def check_headlines(block: Block, *_: object) -> None:
    """A log with such a complaint, and the function that it is about, has this headline."""
    for line in block.text.splitlines():
        title, function = line.split(" in ") if " in " in line else (line, "")
        place = f"RIP: 0010:{function}+0x1/0x2\n" if function else ""
        log = f"BUG: {line}+0x1/0x2\n" if title.startswith("KASAN") else f"{title}\n{place}"
        found = headline(log.encode())
        assert found is not None
        assert found.title == line


def check_difference(block: Block, *_: object) -> None:
    """A finding's image can be read, if the checksum is written out."""
    assert difference.parse(re.sub(r"(?<=[0-9a-f])\.\.\.", "0" * 52, block.text)).bytes == 1


def check_known_failures(block: Block, *more: object) -> None:
    """Each line but the comment is an entry."""
    file = next(each for each in more if isinstance(each, Path)) / "known"
    file.write_text(block.text)
    assert len(known_failures.read(file).entries) == block.text.count("\n") - 1


def check_lacking(block: Block, *_: object) -> None:
    """The skip of a kselftest has these words."""
    words = r"(the kernel lacks (\w+), .* (\w+) ask for)\n"
    found = re.fullmatch(rf"SKIPPED \[1\] \S+:\d+: proves nothing, as {words}", block.text)
    assert found
    assert kselftests.in_words((found[2],), found[3]) == found[1]


CHECKS: dict[str, Callable[[Block, Liblkl, Settings, Path], None]] = {  # by the first words of a block
    "TAP version 13": check_tap,
    "SIGSEGV at address": check_stack,
    "KASAN: use-after-free": check_headlines,
    "recipe xfs": check_difference,
    "# A line is a pattern": check_known_failures,
    "SKIPPED [1]": check_lacking,
}
TEXTS = [block for block in blocks("text") if not block.title and not is_drawing(block)]


@pytest.mark.parametrize("block", TEXTS, ids=str)
def test_texts_are_as_the_real_ones(block: Block, liblkl: Liblkl, settings: Settings, tmp_path: Path) -> None:
    """Output and files that are shown have the form of those that lkltest writes or reads."""
    (check,) = [check for beginning, check in CHECKS.items() if block.text.startswith(beginning)]
    check(block, liblkl, settings, tmp_path)
