"""Declarations that Python and the executor in C share are written once."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.protocol import HEAD, LISTING, NUMBERS, PROGRAMS_SIZE, RECORDS, header
from lkltest.fuzz.exec.shmem import Head, Memory, fitting
from lkltest.fuzz.prog.record import Record
from lkltest.host import process
from lkltest.settings import Settings


def compile_c(settings: Settings, directory: Path, source: str) -> process.Completed:
    """Compile a C source beside the generated header."""
    (directory / "protocol.h").write_text(header())
    (directory / "it.c").write_text(source)
    return process.run([*settings.cc, "-Wall", "-Werror", "it.c", "-o", "it"], cwd=directory, timeout=100, merge=True)


def test_python_reads_what_c_writes(settings: Settings, tmp_path: Path) -> None:
    """Each field of each record, given another value in C, has it in Python."""
    lines = ["#include <stdio.h>", '#include "protocol.h"', "int main(void)", "{"]
    for record in (*RECORDS, HEAD):
        lines.append(f"\tstruct {record.name} {record.name} = {{ 0 }};")
        lines += [f"\t{record.name}.{name} = {n + 1};" for n, name in enumerate(record.names)]
        lines.append(f"\tfwrite((void *)&{record.name}, {record.size}, 1, stdout);")
    done = compile_c(settings, tmp_path, "\n".join([*lines, "\treturn 0;", "}", ""]))
    assert done.ok, done.output.decode()
    data = process.run([tmp_path / "it"], timeout=100).output
    for record in (*RECORDS, HEAD):
        assert record.unpack_from(data) == tuple(range(1, len(record.names) + 1))
        data = data[record.size :]
    assert data == b""


def test_a_layout_that_c_has_otherwise_does_not_compile(settings: Settings, tmp_path: Path) -> None:
    """A C compiler aligns a field to its size: a record that does not is refused when the executor is built."""
    wrong = Record("wrong", ("uint8_t", "one", ""), ("uint32_t", "four", ""))
    source = f'#include "protocol.h"\n{wrong.declaration()}int main(void) {{ return 0; }}\n'
    done = compile_c(settings, tmp_path, source)
    assert not done.ok
    assert b"wrong.four" in done.output


def test_a_head_is_what_the_worker_writes() -> None:
    """Every fact that Python knows of a worker is a field of the shared record."""
    assert {field.name for field in fields(Head)} <= set(HEAD.names)


def test_nothing_is_declared_twice() -> None:
    """The executor's sources define no number, enum or struct of the generated header, and use every number."""
    text = "".join((native.HERE / name).read_text() for name in native.SOURCES)
    declared = re.findall(r"^(?:enum|struct) (\w+) \{", header(), re.MULTILINE)
    assert len(declared) == len(RECORDS) + 1 + 5
    assert [name for name in declared if re.search(rf"(?:struct|enum) {name}\s*\{{", text)] == []
    assert [name for name in NUMBERS if re.search(rf"#\s*define\s+{name}\b", text)] == []
    assert [name for name in NUMBERS if not re.search(rf"\b{name}\b", text)] == []


def test_programs_that_do_not_fit_are_refused() -> None:
    """A batch is never written over what lies behind its place; `fitting` says how many programs a batch can have."""
    memory = Memory()
    memory.write(b"\1" * PROGRAMS_SIZE)
    with pytest.raises(ValueError, match="there is room for 4,194,304"):
        memory.write(b"\1" * (PROGRAMS_SIZE + 1))
    assert memory.map[LISTING - 1 : LISTING + 1] == b"\1\0"
    memory.close()
    half = PROGRAMS_SIZE // 2
    sizes: list[list[int]] = [[], [half, half], [half, half, 1], [half + 1, half], [2 * PROGRAMS_SIZE, 1]]
    assert [fitting(one) for one in sizes] == [0, 2, 2, 1, 1]
