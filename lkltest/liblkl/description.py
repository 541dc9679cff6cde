"""The description of one liblkl, made by looking at its headers and symbols."""

from __future__ import annotations

import re
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.liblkl import binary, headers, library_mode
from lkltest.liblkl.binary import Binary
from lkltest.liblkl.headers import Headers
from lkltest.liblkl.layout import Layout, NotBuilt
from lkltest.liblkl.model import Generation, Liblkl
from lkltest.settings import Settings

# The library to link for each undefined symbol of liblkl.
LIBRARIES = (
    (re.compile(r"vde_\w+"), "-lvdeplug"),
    (re.compile(r"dl(open|sym|close|error)"), "-ldl"),
    (re.compile(r"(sin|cos|pow|log|exp|sqrt)"), "-lm"),
)
MISSING = (
    (re.compile(r"rte_\w+"), "was built with DPDK: pass --lkl-cflags the libraries of your DPDK"),
    (re.compile(r"__sanitizer_cov_\w+"), "reports coverage: collect it with pytest --lkl-cov"),
    (re.compile(r"__(asan|tsan|msan|ubsan)_\w+"), "was built with a sanitizer: pass it on with --lkl-cflags"),
    (re.compile(r"__gcov_\w+|llvm_gcda_\w+"), "was built for gcov: pass --lkl-cflags --coverage"),
)


def describe(path: Path, layout: Layout, settings: Settings) -> Liblkl:
    """Describe the liblkl whose files `layout` names; raises UsageError where the files do not belong together."""
    static = load(layout.static, layout) if layout.static else None
    shared = load(layout.shared, layout) if layout.shared else None
    main = static or shared
    assert main is not None
    binary.require_liblkl(main)
    flags = [] if has_autoconf(layout) else [f"-DCONFIG_AUTO_LKL_{'NT' if main.windows else 'POSIX'}_HOST"]
    # One compiler makes programs for both of x86's machines.
    wide = ("-m32",) if main.machine == "i386" else ()
    seen = headers.read(layout.include, [*wide, *([] if layout.uml else flags)], settings)
    require_match(main, seen, layout)
    version = main.version or release(layout) or seen.version or "unknown"
    return Liblkl(
        name=f"{'uml' if layout.uml else 'lkl'}-{version}",
        path=path,
        origin=f"--lkl {path}",
        version=version,
        generation=Generation.UML if layout.uml else seen.generation,
        machine=main.machine,
        static=layout.static,
        shared=layout.shared,
        include=layout.include,
        cflags=wide if layout.uml or seen.autoconf else (*wide, *flags),
        libs=libraries(main, seen, layout),
        root=layout.root,
        tests=tests(layout),
        built=main.path.stat().st_mtime,
        symbols=main.defined,
        config=seen.config or settled(layout),
        output=layout.output,
        host=seen.host,
        inlines=seen.inlines,
        undefined=main.undefined,
        notes=notes(main, static, shared, layout),
    )


def load(library: Path, layout: Layout) -> Binary:
    """Read a library; one that is broken in a tree is a tree that is not built."""
    try:
        return binary.read(library)
    except binary.Broken as error:
        if layout.output is not None:
            raise NotBuilt(str(error), layout.root or layout.output, layout.output) from None
        raise


def has_autoconf(layout: Layout) -> bool:
    """Whether the headers contain the configuration of their host."""
    return any((folder / "lkl_autoconf.h").is_file() for folder in layout.include)


def require_match(library: Binary, seen: Headers, layout: Layout) -> None:
    """Raise UsageError where headers and library are not of one kernel."""
    theirs, ours = plain_version(seen.version), plain_version(library.version)
    where = ", ".join(map(str, layout.include))
    if theirs and ours and theirs != ours:
        why = f"the headers are of Linux {seen.version}, the library of {library.version}"
    elif library.bits == 32 and "CONFIG_64BIT" in seen.config:
        why = "the headers are of a 64-bit kernel, the library is a 32-bit one"
    elif library.bits == 64 and seen.config and "CONFIG_64BIT" not in seen.config:
        why = "the headers are of a 32-bit kernel, the library is a 64-bit one"
    elif library.defined and seen.generation is Generation.G3 and "lkl_init" not in library.defined:
        why = "the headers declare lkl_init(), the library does not have it"
    elif seen.generation is not Generation.G3 and "lkl_init" in library.defined:
        why = "the library has lkl_init(), the headers are older and do not know it"
    else:
        return
    message = (f"the headers in {where} do not belong to {library.path}: {why}; programs would crash: "
               "name a library together with the headers of the same build, or build the tree again")
    if layout.output is not None:
        raise NotBuilt(message, layout.root or layout.output, layout.output)
    raise UsageError(message)


def plain_version(text: str) -> str:
    """A kernel's version without its local part: "6.0.0-rc3" of "6.0.0-rc3-custom+"."""
    found = re.match(r"\d+\.\d+(\.\d+)?(-rc\d+)?", text)
    return found[0] if found else ""


def release(layout: Layout) -> str:
    """The version that the tree was configured as, where it tells."""
    if layout.output is None:
        return ""
    file = layout.output / "include/config/kernel.release"
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def settled(layout: Layout) -> frozenset[str]:
    """The options that are set in the tree's .config, where there is one."""
    try:
        text = (layout.output / ".config").read_text(encoding="utf-8", errors="replace") if layout.output else ""
    except OSError:
        return frozenset()
    return frozenset(re.findall(r"^(CONFIG_\w+)=", text, re.M))


def tests(layout: Layout) -> Path | None:
    """The tree's own tests, where it has them: they are in its sources, wherever it was built."""
    if layout.tools is None or layout.output is None:
        return None
    sources = layout.root or layout.output
    folder = sources / layout.tools.relative_to(layout.output) / "tests"
    if layout.uml:
        folder = sources / library_mode.of(sources).tests
    return folder if any(folder.glob("*.c")) else None


def libraries(library: Binary, seen: Headers, layout: Layout) -> tuple[str, ...]:
    """The libraries to link after this one."""
    if library.windows:
        return ("-lws2_32",)
    base = () if "ANDROID" in seen.host else ("-lpthread", "-lrt")
    wanted = [lib for pattern, lib in LIBRARIES if any(pattern.fullmatch(name) for name in library.undefined)]
    return (*base, *(["-lutil"] if layout.uml else []), *wanted)


def notes(main: Binary, static: Binary | None, shared: Binary | None, layout: Layout) -> tuple[str, ...]:
    """Remarks for the user that are no errors."""
    told = []
    if not main.debug and not main.windows:
        told.append("no debug information: stacks have no source lines (CONFIG_DEBUG_INFO, strip)")
    if not main.local and not main.windows:
        told.append("no symbols of the kernel's own functions: stacks show addresses (strip)")
    if static and shared and static.banner and shared.banner and static.banner != shared.banner:
        told.append(f"{shared.path.name} is of another build than {static.path.name}: "
                    f"{shared.banner!r} and {static.banner!r}")
    if not main.version:
        told.append("no \"Linux version\" banner in the library")
    if layout.root is None:
        told.append("no kernel tree: its own tests and --lkl-build are not there for it")
    for pattern, meaning in MISSING:
        if any(pattern.fullmatch(name) for name in main.undefined):
            told.append(f"the library {meaning}")
    return tuple(told)
