"""Our C programs compile where the compiler is stricter than Debian 12's."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkltest import cc
from lkltest.errors import BuildError
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDERS = ("suites", "lkltest/program", "lkltest/templates", "docs/examples")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.c")
                 if "LKLTEST_POINTS" in path.read_text())  # fmt: skip
# What gcc 14 takes for errors, and gcc 12 for warnings.
STRICT = [f"-Werror={name}" for name in (
    "implicit-function-declaration", "implicit-int", "int-conversion", "incompatible-pointer-types",
)]  # fmt: skip


def complaint(source: Path, *flags: str) -> str:
    """The first error of a program's compilation; empty where there is none."""
    words = ["gcc", *cc.FLAGS, *STRICT, *flags, "-fsyntax-only", str(source)]
    told = process.run(words, merge=True, timeout=300).output.decode(errors="replace")
    return next((line for line in told.splitlines() if "error" in line), "")


def test_native_programs_compile_by_gcc_14s_rules() -> None:
    """Points that only a library has do not keep a UML's program from being compiled."""
    assert len(SOURCES) > 10
    assert [said for source in SOURCES if (said := complaint(source, *cc.NATIVE))] == []


def test_programs_of_a_library_compile_by_gcc_14s_rules(liblkl: Liblkl) -> None:
    """No program relies on a declaration or a conversion that gcc 12 only warns of."""
    include = [f"-I{cc.HARNESS}", *(f"-I{folder}" for folder in liblkl.include)]
    assert [said for source in SOURCES if (said := complaint(source, *include, *liblkl.cflags))] == []


def test_a_native_program_starts_no_kernel(settings: Settings, tmp_path: Path) -> None:
    """A point of a UML's program that starts the kernel does not compile, and the error says how to list it."""
    source = tmp_path / "starts.c"
    text = (
        "#include <lkltest.h>\nPOINT(start) { lkltest_start_kernel(); }\nLKLTEST_POINTS = { LIST(start) };\n"
        "int main(int argc, char **argv) { return lkltest_main(argc, argv); }\n"
    )
    source.write_text(text.replace("LIST", "LKLTEST_LIBRARY"))
    assert cc.compile_native(source, settings).is_file()
    source.write_text(text.replace("LIST", "LKLTEST"))
    with pytest.raises(BuildError) as caught:
        cc.compile_native(source, settings)
    assert "list the point by LKLTEST_LIBRARY()" in caught.value.output
