"""The tools that programs run under: which, how, and when not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.errors import UsageError
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.program import tools
from lkltest.settings import Settings


def test_no_tool_changes_nothing(liblkl: Liblkl, tmp_path: Path) -> None:
    """A program runs by itself unless the user says otherwise."""
    assert tools.choose(liblkl, Settings(), tmp_path) == tools.Tool()


def test_two_tools_are_refused_by_name(liblkl: Liblkl, tmp_path: Path) -> None:
    """One program has one tool."""
    with pytest.raises(UsageError, match="--lkl-gdb, --lkl-strace"):
        tools.choose(liblkl, Settings(gdb=True, strace=True), tmp_path)


@pytest.mark.parametrize("name", ["gdb", "valgrind", "strace"])
def test_a_tool_that_is_not_installed_is_named(
    name: str, liblkl: Liblkl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user is told what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=f"no {name} for --lkl-{name}: install it"):
        tools.choose(liblkl, Settings.load({name: True}, environment={}), tmp_path)


def test_memcheck_refuses_kasan(liblkl: Liblkl, tmp_path: Path) -> None:
    """A kernel with KASAN is refused with the reason and a way out, be it known by its options or its symbols."""
    if "CONFIG_KASAN" not in liblkl.config:
        assert tools.choose(liblkl, Settings(valgrind=True), tmp_path).memcheck
    for kasan in (
        replace(liblkl, config=liblkl.config | {"CONFIG_KASAN"}),
        replace(liblkl, config=frozenset(), symbols=liblkl.symbols | {"lkl_kasan_init"}),
    ):
        with pytest.raises(UsageError, match=r"has KASAN.*built without CONFIG_KASAN"):
            tools.choose(kasan, Settings(valgrind=True), tmp_path)


def test_a_trace_goes_beside_the_output(liblkl: Liblkl, tmp_path: Path) -> None:
    """The trace of strace is a file among the artifacts, and the traced program is our own child."""
    tool = tools.choose(liblkl, Settings(strace=True), tmp_path)
    assert tool.trace == tmp_path / "strace"
    done = process.run([*tool.prefix, "sh", "-c", "kill -ABRT $$"], timeout=30)
    assert done.signal == 6
    assert "SIGABRT" in tool.trace.read_text()


def test_sanitizers_end_the_program_at_once() -> None:
    """An error of a sanitizer must not be a line on stderr only; what the user has set is left alone."""
    flags = Settings(cflags=("-g", "-fsanitize=undefined"))
    assert "halt_on_error=1" in tools.sanitizer_options(flags, {})["UBSAN_OPTIONS"]
    assert "UBSAN_OPTIONS" not in tools.sanitizer_options(flags, {"UBSAN_OPTIONS": "verbosity=1"})
    assert not tools.sanitizer_options(Settings(cflags=("-g",)), {})
