"""The system calls, structures and constants that the headers of a liblkl declare."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lkltest import cc
from lkltest.errors import UsageError
from lkltest.fuzz.lang.dwarf import Dwarf
from lkltest.fuzz.prog.ctype import CType, Layout, layout_from, type_from
from lkltest.host import cache, process
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

FORMAT = "3"  # of the data in the cache

# The table itself cannot be evaluated by a regular expression (lseek is __lkl__NR3264_lseek): the preprocessor does it.
TABLE = "".join(
    f"#undef LKL_SYSCALL_DEFINE{n}\n"
    f"#define LKL_SYSCALL_DEFINE{n}(name, ...) lkltest_call(#name, #__VA_ARGS__)\n"
    for n in range(7)
)
# syscalls.h takes the numbers of the calls that it cannot declare away again.
NUMBERS = "#define __LKL__SYSCALL(number, function)\n#include <lkl/asm-generic/unistd.h>\n"
CALL = re.compile(r'^lkltest_call\("_(\w+)", "(.*)"\)$', re.MULTILINE)
LISTED = re.compile(r"^LKL_SYSCALL_DEFINE\d\(_(\w+)", re.MULTILINE)
MACRO = re.compile(r"^#define (\w+) +\S", re.MULTILINE)
ERRNO = re.compile(r"^#define LKL_(E[A-Z0-9]+) +\d+", re.MULTILINE)


@dataclass(frozen=True)
class Argument:
    """One argument of a system call, as the header declares it."""

    name: str
    type: CType


@dataclass(frozen=True)
class Signature:
    """One system call, as the header declares it."""

    name: str  # "openat"
    number: int
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Headers:
    """The system calls, structures and constants of one liblkl."""

    calls: Mapping[str, Signature]  # those that can be called
    listed: tuple[str, ...]  # all that syscall_defs.h names, in its order
    structs: Mapping[str, Layout]  # by tag: "lkl_iovec"
    constants: Mapping[str, int]  # by name without its LKL_: "O_RDWR"
    errnos: Mapping[int, str]  # 2: "ENOENT"

    def struct(self, name: str) -> Layout | None:
        """The structure of a name given with or without its "lkl_"."""
        return self.structs.get(f"lkl_{name}") or self.structs.get(name)


@dataclass(frozen=True)
class Extra:
    """Declarations that the headers of some libraries lack; they are added where they are missing."""

    constants: Mapping[str, int]  # by name without LKL_
    definitions: Mapping[str, str]  # C code of structures, by tag
    undeclared: Mapping[str, str]  # types and names of the arguments of calls without a declaration

    def code(self, text: str) -> list[str]:
        """The C lines that preprocessed headers lack."""
        known = set(MACRO.findall(text))
        lines = [
            f"#define LKL_{name} {value:#x}"
            for name, value in self.constants.items()
            if f"LKL_{name}" not in known and not re.search(rf"\bLKL_{name}\b", text)
        ]
        return lines + [
            code for name, code in self.definitions.items() if not re.search(rf"struct\s+{name}\s*\{{", text)
        ]


def read(liblkl: Liblkl, settings: Settings, wanted: Iterable[str], extra: Extra) -> Headers:
    """Read a liblkl's headers by means of the compiler, once: the result is cached.

    `wanted` are the constants asked for, without their LKL_; those that the headers lack are left out.
    Raises BuildError with the compiler's output where the headers do not compile.
    """
    text = preprocess(liblkl, settings, extra)
    missing = extra.code(text)
    known = set(MACRO.findall(text)) | set(MACRO.findall("\n".join(missing)))
    source = probe(text, known, wanted, missing)
    place = settings.cache / "fuzz" / f"headers-{cache.key(FORMAT, text, source)}"

    def make(directory: Path) -> None:
        (directory / "probe.c").write_text(source, encoding="utf-8")
        compile_probe(liblkl, settings, directory)
        data = dataclasses.asdict(extract(directory / "probe.o", text))
        (directory / "headers.json").write_text(json.dumps(data), encoding="utf-8")

    if (kept := stored(place)) is None:
        kept = stored(cache.make_once(place, make, whole=lambda directory: stored(directory) is not None))
    if kept is None:
        raise UsageError(f"{place} was changed while it was read: try again")
    return kept


def stored(directory: Path) -> Headers | None:
    """The headers that `read` has stored; None where they are not there, or damaged."""
    return cache.recall(directory / "headers.json", load)


def preprocess(liblkl: Liblkl, settings: Settings, extra: Extra) -> str:
    """The library's headers after the preprocessor, with the macros that they leave defined."""
    source = f"#include <lkl.h>\n{NUMBERS}{TABLE}#include <lkl/asm/syscall_defs.h>\n"
    for name, arguments in extra.undeclared.items():
        call = f'lkltest_call("_{name}", "{arguments.replace(", ", ",")}")'
        source += f"#if defined(__lkl__NR_{name})\n{call}\n#endif\n"
    done = process.run([*compiler(liblkl, settings), "-E", "-dD", "-P", "-"], stdin=source.encode(), timeout=60)
    if not done.ok:
        what = f"the headers of {liblkl.path} do not pass the preprocessor: is lkl.h in {liblkl.include}?"
        raise cc.refusal(what, done.errors, settings.cache)
    return done.output.decode(errors="replace")


def compiler(liblkl: Liblkl, settings: Settings) -> list[str]:
    """The compiler's command with the flags that the library's headers need."""
    return [*settings.cc, "-x", "c", "-std=gnu11", *(f"-I{path}" for path in liblkl.include), *liblkl.cflags]


def probe(text: str, known: set[str], wanted: Iterable[str], missing: Iterable[str]) -> str:
    """A C source whose object file holds every constant's value and every argument's type."""
    lines = ["#include <lkl.h>", NUMBERS, *missing]
    for name, arguments in dict(CALL.findall(text)).items():
        lines.append(f"const long long lkltest_nr_{name} = __lkl__NR_{name};")
        types = arguments.split(",")[::2] if arguments.strip() else []
        lines += [f"__typeof__({type}) lkltest_arg_{name}_{n};" for n, type in enumerate(types) if type.strip()]
    for name in sorted({*wanted, *ERRNO.findall(text)}):
        macro = next((m for m in (f"LKL_{name}", f"__LKL__{name}", name) if m in known), None)
        if macro:
            lines.append(f"const long long lkltest_const_{name} = (long long)({macro});")
    return "\n".join(lines) + "\n"


def compile_probe(liblkl: Liblkl, settings: Settings, directory: Path) -> None:
    """Compile probe.c in `directory` into probe.o; raises BuildError where it does not compile."""
    flags = ["-g", "-gdwarf-4", "-O0", "-w", "-fno-eliminate-unused-debug-types", "-fno-common", "-c"]
    argv = [*compiler(liblkl, settings), *flags, "probe.c", "-o", "probe.o"]
    done = process.run(argv, cwd=directory, timeout=120, merge=True)
    if not done.ok:
        what = f"the system calls of {liblkl.path} cannot be read: the compiler refuses their types:"
        raise cc.refusal(what, done.output, settings.cache)


def extract(path: Path, text: str) -> Headers:
    """Read the values and types of a compiled probe."""
    dwarf = Dwarf(str(path))
    try:
        variables = dwarf.variables()
        values = _values(dwarf)
    finally:
        dwarf.close()
    calls = {}
    for name, arguments in dict(CALL.findall(text)).items():
        names = [word.strip() for word in arguments.split(",")[1::2]]
        typed = tuple(
            Argument(argument, variables[f"lkltest_arg_{name}_{n}"])
            for n, argument in enumerate(names) if f"lkltest_arg_{name}_{n}" in variables
        )
        calls[name] = Signature(name, values[f"nr_{name}"], typed)
    constants = {_bare(name): value for name, value in dwarf.enumerators.items()}
    constants |= {name[6:]: value for name, value in values.items() if name.startswith("const_")}
    errnos = {constants[name]: name for name in reversed(ERRNO.findall(text)) if name in constants}
    return Headers(calls, (), dwarf.structs, constants, errnos)


def _bare(name: str) -> str:
    return name.removeprefix("__LKL__").removeprefix("LKL_")


def _values(dwarf: Dwarf) -> dict[str, int]:
    """The values of the constants of a probe, by name without "lkltest_"."""
    order: str = "little" if dwarf.elf.little_endian else "big"
    values: dict[str, int] = {}
    symbols: Any = dwarf.elf.get_section_by_name(".symtab")
    for symbol in symbols.iter_symbols():
        if not symbol.name.startswith(("lkltest_nr_", "lkltest_const_")):
            continue
        section = dwarf.elf.get_section(symbol["st_shndx"])
        start = symbol["st_value"]
        data = bytes(8) if section["sh_type"] == "SHT_NOBITS" else section.data()[start : start + 8]
        values[symbol.name.removeprefix("lkltest_")] = int.from_bytes(data, order, signed=True)  # type: ignore[arg-type]
    return values


def load(data: Any) -> Headers:  # noqa: ANN401 -- a file's content
    """Make headers of what `read` has stored."""
    calls = {
        name: Signature(
            name, call["number"], tuple(Argument(a["name"], type_from(a["type"])) for a in call["arguments"])
        )
        for name, call in data["calls"].items()
    }
    return Headers(
        calls=calls,
        listed=tuple(data["listed"]),
        structs={name: layout_from(struct) for name, struct in data["structs"].items()},
        constants=data["constants"],
        errnos={int(number): name for number, name in data["errnos"].items()},
    )


def listed(liblkl: Liblkl) -> tuple[str, ...]:
    """Every call that syscall_defs.h names, whether or not it can be called."""
    for directory in liblkl.include:
        path = directory / "lkl/asm/syscall_defs.h"
        if path.is_file():
            return tuple(LISTED.findall(path.read_text(encoding="utf-8", errors="replace")))
    raise UsageError(
        f"no lkl/asm/syscall_defs.h under {', '.join(map(str, liblkl.include))}: the tree is not built, "
        "or its headers were not installed; run make -C tools/lkl"
    )
