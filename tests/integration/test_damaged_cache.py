"""Files of the cache that another version, a power cut or a program that cleans caches has left cost time only."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.errors import BuildError, UsageError
from lkltest.fuzz.lang import headers
from lkltest.host import cache
from lkltest.kunit import fingerprint, shadow
from lkltest.liblkl import store
from lkltest.settings import Settings

DAMAGES = ["", "{", "[]", "{}", "7", '{"schema": 99}', "[[1]]", "\0" * 64, '{"sizes": [], "path": 1, "watched": []}']


@pytest.mark.parametrize("text", DAMAGES)
def test_no_reader_of_the_cache_fails(tmp_path: Path, text: str) -> None:
    """Whatever is in a file, its reader takes it for one that is not there."""
    for name in (store.MARKER, "headers.json", "record"):
        (tmp_path / name).write_text(text)
    assert not store.whole(tmp_path)
    assert headers.stored(tmp_path) is None
    assert fingerprint.kept(tmp_path / "record", tmp_path / "linux") == ""


def test_a_reader_takes_what_is_whole(tmp_path: Path) -> None:
    """Only what cannot be taken is passed over."""
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    assert cache.recall(tmp_path / "a.json", lambda found: found["a"]) == 1
    assert cache.recall(tmp_path / "a.json", lambda found: found["b"]) is None
    assert cache.recall(tmp_path / "b.json", lambda found: found) is None


@pytest.mark.parametrize("name", ["manifest.json", "program"])
@pytest.mark.parametrize("text", [None, *DAMAGES[:3]])
def test_a_damaged_program_is_compiled_again(
    settings: Settings, tmp_path: Path, name: str, text: str | None
) -> None:
    """A program is used only where it and the list of what it was made from are there."""
    source = tmp_path / "a.c"
    source.write_text("int main(void) { return 0; }\n")
    own = replace(settings, cache=tmp_path / "cache")
    file = cc.compile_native(source, own, static=False).with_name(name)
    file.unlink()
    if text is not None:
        file.write_text(text if name != "program" else "")
    made = cc.compile_native(source, own, static=False)
    assert made.read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize("text", DAMAGES[:4])
def test_a_damaged_list_of_links_is_made_anew(tmp_path: Path, text: str) -> None:
    """A tree of links of which it is not known which are there begins anew: links to removed files would stay."""
    tree, place = tmp_path / "tree", tmp_path / "sources"
    (tree / "kernel").mkdir(parents=True)
    (tree / "kernel" / "a.c").touch()
    (tree / "gone.c").touch()
    place.mkdir()
    shadow.update(tree, place, lambda: None)
    assert (place / "gone.c").is_symlink()
    (tree / "gone.c").unlink()
    place.with_name(shadow.RECORD).write_text(text)
    shadow.update(tree, place, lambda: None)
    assert (place / "kernel" / "a.c").is_symlink()
    assert not (place / "gone.c").is_symlink()


def test_a_full_disk_is_no_fault_of_a_source(tmp_path: Path) -> None:
    """A compiler that finds no room is the user's to mend; one that refuses a file says why."""
    full = cc.refusal("it does not compile:", b"ld: final link failed: No space left on device\n", tmp_path)
    assert isinstance(full, UsageError)
    assert str(tmp_path) in str(full)
    refused = cc.refusal("it does not compile:", b"a.c:1: error: no\n", tmp_path)
    assert isinstance(refused, BuildError)
    assert str(refused) == "it does not compile:\na.c:1: error: no"


def test_a_program_in_a_directory_that_the_locale_has_not(settings: Settings, tmp_path: Path) -> None:
    """Names of files are bytes: a program compiles where no encoding of the locale has them."""
    source = tmp_path / os.fsdecode(b"\xc3\xbc\xff") / "a.c"
    source.parent.mkdir()
    source.write_text("int main(void) { return 0; }\n")
    own = replace(settings, cache=tmp_path / "cache")
    made = cc.compile_native(source, own, static=False)
    assert b"\xc3\xbc\xff" in made.with_name("command").read_bytes()
    assert cc.compile_native(source, own, static=False) == made
