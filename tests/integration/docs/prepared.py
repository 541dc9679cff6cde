"""Directories in which the commands of a page are run: what the page takes for granted."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from lkltest import cc
from lkltest import liblkl as kernels
from lkltest.coverage import data as coverage
from lkltest.coverage.collect import collect
from lkltest.coverage.raw import VARIABLE
from lkltest.host import process
from lkltest.image import archive, sparse
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.integration.docs.pages import ROOT, blocks
from tests.integration.docs.terminal import Terminal
from tests.liblkl.tiny import call

# One function of an instrumented kernel at the line that the page on coverage asks for, one below fs/ext4.
OPEN_C = "\n" * 1044 + "int do_open(int flags)\n{\n\treturn flags ? -flags : 1;\n}\n"
INODE_C = "int ext4_inode(int number)\n{\n\treturn number + 1;\n}\n"
REACHING = """
#include <lkltest.h>
int do_open(int flags);
int ext4_inode(int number);
POINT(getpid) { CHECK_EQ(do_open(1), -1); CHECK_EQ(do_open(0), 1); CHECK_EQ(ext4_inode(1), 2); }
LKLTEST_POINTS = { LKLTEST(getpid) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""
TAP = "#!/bin/sh\necho 1..2; echo ok 1 - adds two numbers; echo ok 2 - subtracts\n"
SERVER = "#!/bin/sh\ntest -d $1 && echo ok 1 - served && echo 1..1\n"
PERL = "print qq(1..1\\nok 1 - one\\n);\n"
NODE = "require('node:test')('adds', () => {});\n"
KUNIT = """KTAP version 1
1..1
    KTAP version 1
    # Subtest: list_sort
    1..2
    ok 1 list_sort_empty
    ok 2 list_sort_stable
ok 1 list_sort
"""
KSELFTEST = "TAP version 13\n1..1\n# selftests: net: tls\nok 1 selftests: net: tls\n"
PROGRAM = '# scenario: files\nr0 = openat(AT_FDCWD, "f0", O_RDWR|O_CREAT, 0644)\nwrite(r0, &b"abc", 3)\n'


def coverage_of_a_patch(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """Saved coverage of a tree in git, whose last change is a line that a test reaches."""
    liblkl: Liblkl = request.getfixturevalue("liblkl")
    settings: Settings = request.getfixturevalue("settings")
    assert liblkl.static is not None
    kernel = terminal.path / "kernel"
    kernel.mkdir()
    shutil.copy(liblkl.static, kernel / "liblkl.a")
    for include in liblkl.include:
        shutil.copytree(include, kernel / "include", dirs_exist_ok=True)
    for name, text in {"fs/open.c": OPEN_C, "fs/ext4/inode.c": INODE_C}.items():
        source = terminal.write(name, text)
        made = kernel / f"{source.stem}.o"
        call("gcc", "-g", "-O2", "-fPIC", "-fsanitize-coverage=trace-pc", "-c", source, "-o", made)
        call("ar", "r", kernel / "liblkl.a", made)
    found = kernels.find(kernel / "liblkl.a")
    program = cc.compile(terminal.write("reach.c", REACHING), found, settings)
    raw = terminal.path / "raw"
    raw.mkdir()
    assert process.run([program], env={VARIABLE: str(raw)}, timeout=120).ok
    saved = coverage.Data()
    for module, contexts in collect(raw, program, found, lambda point: f"test_boot.py::boot::{point}").modules.items():
        saved.add(coverage.Module(module.path, module.build_id, module.library, module.kernel, str(terminal.path)),
                  contexts)
    for name in ("lkltest-cov", "a", "b", "before", "after", "cov"):
        coverage.save(saved, terminal.path / name / "run.lklcov")
    for command in ("git init --quiet", "git add fs", "git -c user.name=a -c user.email=a commit --quiet -m a"):
        assert terminal.run(command).ok
    terminal.write("fs/open.c", OPEN_C.replace("-flags : 1", "-flags : +1"))


def artifacts(terminal: Terminal, request: pytest.FixtureRequest) -> None:  # noqa: ARG001
    """A packed image that a failure has left, in its directory and in the current one."""
    image = terminal.write("ext4-2t.img", "data")
    sparse.punch_holes(image)
    run = terminal.path / "lkltest-artifacts" / "RUN"
    run.mkdir(parents=True)
    for place in (run, terminal.path):
        archive.save(image, place, 1 << 20)
    image.unlink()


def corpora(terminal: Terminal, request: pytest.FixtureRequest) -> None:  # noqa: ARG001
    """Two corpora of a program each."""
    terminal.write("corpus/a.prog", PROGRAM)
    terminal.write("elsewhere/corpus/b.prog", PROGRAM.replace("abc", "xyz"))


def pipe(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """The page's first program, compiled."""
    (block,) = blocks("c", pages=[ROOT / "docs" / "harness.md"])
    program = cc.compile(terminal.write("pipe.c", block.text), request.getfixturevalue("liblkl"),
                         request.getfixturevalue("settings"))  # fmt: skip
    (terminal.path / "pipe").symlink_to(program)


def programs_of_taps(terminal: Terminal, request: pytest.FixtureRequest) -> None:  # noqa: ARG001
    """Scripts that print TAP, a test of Perl's kind and one of node's."""
    terminal.write("t/check.sh", TAP, 0o755)
    terminal.write("t/server.sh", SERVER, 0o755)
    terminal.write("t/basic.t", PERL)
    terminal.write("test/basic.test.js", NODE)


def failing_logs(terminal: Terminal, request: pytest.FixtureRequest) -> None:
    """The log of KUnit with a case that fails."""
    logs(terminal, request)
    terminal.write("kunit.log", KUNIT.replace("ok 2 list_sort_stable", "not ok 2 list_sort_stable"))


def logs(terminal: Terminal, request: pytest.FixtureRequest) -> None:  # noqa: ARG001
    """A log of KUnit whose failures the list of known ones names, and one of kselftest."""
    terminal.write("kunit.log", KUNIT)
    terminal.write("kselftest.log", KSELFTEST)
    for block in blocks("text", pages=[ROOT / "docs" / "known-failures.md"]):
        terminal.write("known-failures.txt", block.text)


PAGES: dict[str, Callable[[Terminal, pytest.FixtureRequest], None]] = {
    "coverage": coverage_of_a_patch,
    "disks": artifacts,
    "fuzzing": corpora,
    "harness": pipe,
    "known-failures": failing_logs,
    "tap": logs,
    "tap-programs": programs_of_taps,
}
