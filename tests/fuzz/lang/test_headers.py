from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang import headers
from lkltest.fuzz.lang.contract import NEEDS, UNKNOWN
from lkltest.fuzz.lang.describe import Description, join, options, read_annotations
from lkltest.fuzz.lang.listing import list_calls
from lkltest.fuzz.prog.values import Pointer, ResourceRef
from lkltest.liblkl import Liblkl


def test_numbers_come_from_the_preprocessor(description: Description) -> None:
    """A number that a header writes as another macro is resolved."""
    numbers = {name: call.number for name, call in description.headers.calls.items()}
    assert numbers["lseek"] == 62
    assert numbers["getpid"] == 172
    assert numbers["newfstat"] == 80


def test_most_calls_can_be_made(description: Description) -> None:
    """A call that is never made is left out with a reason."""
    assert len(description.by_call) >= 190
    assert set(description.headers.calls) == set(description.by_call) | set(description.left_out)
    assert all(description.left_out.values())


def test_types_and_names_of_arguments_come_from_the_headers(description: Description) -> None:
    """A call's signature is the header's."""
    call = description.headers.calls["sendmmsg"]
    assert [(a.name, a.type.spell()) for a in call.arguments] == [
        ("fd", "s32"), ("mmsg", "struct lkl_mmsghdr *"), ("vlen", "u32"), ("flags", "u32"),
    ]
    layout = description.headers.struct("iovec")
    assert layout is not None
    assert [(field.name, field.offset) for field in layout.fields] == [("iov_base", 0), ("iov_len", 8)]


def test_constants_come_from_the_headers(description: Description) -> None:
    """Flags have the library's values; errnos have their names."""
    constants = description.headers.constants
    assert constants["O_CREAT"] == 0o100
    assert constants["IPPROTO_TCP"] == 6  # an enumerator, not a macro
    assert description.headers.errnos[2] == "ENOENT"


def test_every_annotated_structure_exists(description: Description) -> None:
    """An annotation of a structure that no header has would silently do nothing."""
    missing = [tag for tag, _ in description.fields.values() if description.headers.struct(tag) is None]
    assert missing == []


def test_listing_has_a_line_for_each_call(liblkl: Liblkl, description: Description) -> None:
    """The table names every call, with the reason where it is not made."""
    text = list_calls(liblkl, description)
    lines = dict(line.split(None, 1) for line in text.splitlines())
    assert lines["93"].endswith("left out: ends the worker's own task")
    for name in headers.listed(liblkl):
        assert f" {name}" in text


def test_a_new_call_is_described_by_its_types_alone(description: Description) -> None:
    """A call without an annotation is made in a task of its own, because it may do anything."""
    data = read_annotations()
    known = {name: entry for name, entry in data["calls"].items() if name not in ("fdatasync", "epoll_create1")}
    bare = join(description.headers, {**data, "calls": known})
    sync, create = bare.variants["fdatasync"], bare.variants["epoll_create1"]
    assert not sync.annotated
    assert isinstance(bare.draw("fdatasync", Random(1)).args[0], ResourceRef)  # a descriptor, by its name
    assert sync.needs == create.needs == UNKNOWN
    assert not sync.needs & NEEDS["image"]  # the executor would take its first calls for the changes of an image
    assert (len(sync.produces), len(create.produces)) == (0, 1)  # what creates leaves a descriptor to be closed


def test_every_step_of_a_scenario_is_a_call(description: Description) -> None:
    """A scenario that named an unknown call would silently do without it."""
    data = read_annotations()
    names = {*description.headers.calls, *data["calls"], *options(data["options"])}
    for name, scenario in data["scenarios"].items():
        for step in (*scenario["start"], *scenario["body"]):
            assert fnmatch.filter(names, step), f"{step} in {name}"


def test_headers_that_are_not_there_are_told(tmp_path: Path, liblkl: Liblkl) -> None:
    """The error names the missing file and the next step."""
    from dataclasses import replace

    with pytest.raises(UsageError, match="make -C tools/lkl"):
        headers.listed(replace(liblkl, include=(tmp_path,)))


def test_a_request_is_covered_by_its_buffer(description: Description) -> None:
    """The buffer of a file system's request is as long as the request's number says, and `padded` makes it so."""
    names = ("ioctl_ext4", "ioctl_xfs", "ioctl_btrfs", "ioctl_fat")
    keys = [key for key in description.variants if key.startswith(names)]
    assert len(keys) > 8
    source = Random("1")
    for key in keys:
        for _ in range(60):
            _, command, argument = description.draw(key, source).args
            assert isinstance(command, int)
            assert isinstance(argument, Pointer)
            assert description.encoder.size(argument.target) >= command >> 16 & 0x3FFF, (key, hex(command))
