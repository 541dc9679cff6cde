"""The configuration of a kernel tree: the user's (.config), and the one that kbuild has taken over (auto.conf)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lkltest.errors import UsageError

TAKEN_OVER = "include/config/auto.conf"  # written by kbuild from .config, before it compiles
_SET = re.compile(r"^(CONFIG_\w+)=(.*)$", re.MULTILINE)


def options(file: Path) -> dict[str, str] | None:
    """The options that are set in a file of either kind; None where it cannot be read.

    Quotes and backslashes are left out: kbuild writes strings without them into auto.conf since 5.19.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return {name: re.sub(r'["\\]', "", value.strip()) for name, value in _SET.findall(text)}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The names of the options that are not the same in both."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def not_taken_over(output: Path) -> str:
    """The options that kbuild has not yet taken over from .config, for people; empty where it has, or nothing tells."""
    wanted, taken = options(output / ".config"), options(output / TAKEN_OVER)
    if wanted is None or taken is None:
        return ""
    names = differences(wanted, taken)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


@contextmanager
def kept(file: Path) -> Iterator[None]:
    """Raise UsageError if the block changes a .config, and restore it."""
    before = options(file)
    text = file.read_bytes() if before is not None else b""
    yield
    after = options(file)
    if before is not None and (after is None or differences(before, after)):
        file.write_bytes(text)
        raise UsageError(f"the makefile has replaced {file}, so the library is of another configuration: it was put "
                         "back; build the tree yourself and leave out --lkl-build")
