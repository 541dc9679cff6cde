"""The directory of a corpus."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lkltest.cli import main
from lkltest.errors import UsageError
from lkltest.fuzz.gen import store as stores
from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.gen.store import Store
from lkltest.fuzz.images.store import SUFFIX as IMAGES
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.member import entries
from tests.fuzz.gen.toy import SCENARIOS, describe_toy


@pytest.fixture(scope="module")
def toy_description() -> Description:
    """The calls of a toy."""
    return describe_toy()


def test_programs_are_read_as_they_were_written(toy_description: Description, tmp_path: Path) -> None:
    """A program of a directory has the encoding and the scenario that it had."""
    generator = Generator(toy_description, 1, scenarios=SCENARIOS)
    programs = generator.batch(20).programs
    store = Store(tmp_path, toy_description)
    written = {store.write(program): program.encoded() for program in programs}
    assert list(store.fresh(generator.scenarios)) == []  # its own are known
    again = Store(tmp_path, toy_description)
    found = list(again.fresh(generator.scenarios))
    assert sorted(program.encoded() for program in found) == sorted(written.values())
    assert {program.scenario for program in found} == set(generator.scenarios)
    assert not list(tmp_path.glob(".*"))


def test_files_that_cannot_be_read_are_told_once(toy_description: Description, tmp_path: Path) -> None:
    """A file is left out with its name and the reason: garbage, an unknown call, no call at all, bytes, a directory."""
    (tmp_path / "garbage.prog").write_text("open(\n")
    (tmp_path / "unknown.prog").write_text("close(1)\n")
    (tmp_path / "empty.prog").write_text("# scenario: toy\n")
    (tmp_path / "bytes.prog").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.prog").mkdir()
    (tmp_path / "good.prog").write_text("open(3)\n")
    (tmp_path / ".hidden.prog.77").write_text("half of a pro")
    told: list[str] = []
    store = Store(tmp_path, toy_description, complain=told.append)
    scenarios = Generator(toy_description, 1, scenarios=SCENARIOS).scenarios
    assert [program.calls[0].call.name for program in store.fresh(scenarios)] == ["open"]
    store.looked = 0.0
    assert list(store.fresh(scenarios)) == []
    assert len(told) == 5
    assert sorted(entries(tmp_path)) == ["garbage.prog", "good.prog", "unknown.prog"]  # as another session takes them
    for name in ("garbage", "unknown", "empty", "bytes", "folder"):
        assert sum(f"{name}.prog is left out: " in line for line in told) == 1


def test_a_directory_that_cannot_be_made(toy_description: Description, tmp_path: Path) -> None:
    """A file in the directory's place is the user's mistake."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot use the corpus"):
        Store(tmp_path / "file", toy_description)
    with pytest.raises(UsageError, match="cannot write into the corpus"):
        stores.put(tmp_path / "file", "open(3)\n")


def test_a_directory_that_is_removed_is_empty(toy_description: Description, tmp_path: Path) -> None:
    """A directory that goes while a fuzzer runs has no programs, and is made anew with the next one."""
    programs = Generator(toy_description, 1, scenarios=SCENARIOS)
    store = Store(tmp_path / "corpus", toy_description)
    (tmp_path / "corpus").rmdir()
    assert list(store.fresh(programs.scenarios)) == []
    assert list(store.programs()) == []
    name = store.write(programs.batch(1).programs[0])
    assert [found for found, _ in store.programs()] == [name]


def test_a_directory_that_may_not_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each action names the directory and the next step where it may not be read, or not be written."""
    stores.put(tmp_path, "open(3)\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["corpus", "min", str(tmp_path)]) == 2
    assert f"cannot remove programs of the corpus {tmp_path}: it is read-only" in capsys.readouterr().err

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    for words in (["show", str(tmp_path)], ["merge", str(tmp_path / "new"), str(tmp_path)]):
        assert main(["corpus", *words]) == 2
        assert f"cannot use the corpus {tmp_path}" in capsys.readouterr().err
    with pytest.raises(UsageError, match="cannot use the corpus"):
        entries(tmp_path)
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert main(["corpus", "show", str(tmp_path)]) == 2
    assert f"no corpus {tmp_path}" in capsys.readouterr().err
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(UsageError, match="cannot remove programs of the corpus"):
        stores.remove(tmp_path, "one.prog")


def test_merge_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same program in two corpora is one, whatever its comment says; a file that is none is left where it is."""
    for name in ("one", "two"):
        stores.put(tmp_path / name, f"# scenario: {name}\nopen(3)\n")
    stores.put(tmp_path / "two", "# scenario: two\nopen(4)\n")
    (tmp_path / "two" / "bad.prog").write_text("# nothing\n")
    assert main(["corpus", "merge", str(tmp_path / "all"), str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    told = capsys.readouterr()
    assert "2 programs, 2 of them new" in told.out
    assert "bad.prog is left out: it has no calls" in told.err
    assert main(["corpus", "show", str(tmp_path / "all")]) == 0
    shown = capsys.readouterr().out
    assert sorted(shown.splitlines()[-1].split(", ")) == ["1 one", "1 two", "2 programs"]
    assert "open(4)\n" in shown


def test_images_are_merged_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inputs with disk images are copied as programs are, and `show` tells that it leaves them out."""
    stores.put(tmp_path / "one", "open(3)\n")
    name = stores.put(tmp_path / "one", "recipe ext4\n\nmount()\n", IMAGES)
    assert main(["corpus", "merge", str(tmp_path / "all"), str(tmp_path / "one")]) == 0
    assert "1 input with disk images, 1 of them new" in capsys.readouterr().out
    assert (tmp_path / "all" / name).read_text() == "recipe ext4\n\nmount()\n"
    assert main(["corpus", "show", str(tmp_path / "all")]) == 0
    assert capsys.readouterr().out.endswith("1 input with disk images (*.image), not shown\n")


def test_a_corpus_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each action says that the directory is missing."""
    missing = str(tmp_path / "missing")
    for words in (["show", missing], ["min", missing], ["cov", missing], ["merge", str(tmp_path), missing]):
        assert main(["corpus", *words]) == 2
        assert f"no corpus {missing}" in capsys.readouterr().err
