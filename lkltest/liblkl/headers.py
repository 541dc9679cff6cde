"""Read the declarations of a liblkl's headers, as the preprocessor sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.host import process, programs
from lkltest.liblkl.model import Generation, Liblkl
from lkltest.settings import Settings

TIMEOUT = 60.0  # seconds for the preprocessor
CONFIGURATIONS = ("lkl/autoconf.h", "lkl/asm/config.h")  # up to about 6.1, and since
ENTRY = "#include <lkl_host.h>\n"  # includes lkl.h, and that all the rest


@dataclass(frozen=True)
class Headers:
    """The declarations by which API generations are recognized, and further facts from the headers."""

    generation: Generation  # never UML: that is not seen here
    inlines: frozenset[str]  # static inline functions: "lkl_sys_open"
    host: frozenset[str]  # how the host's part was configured: "POSIX", "VIRTIO_NET"
    config: frozenset[str]  # options that are set: "CONFIG_EXT4_FS"
    version: str  # of the kernel that they are from, without its local part: "4.9.0"; empty where they do not say
    autoconf: bool  # lkl_autoconf.h is there: no -D is needed


def read(include: Sequence[Path], flags: Sequence[str], settings: Settings) -> Headers:
    """Read the headers in these directories; raises UsageError where they are incomplete or not LKL's."""
    text = declarations(include, flags, settings)
    generation = shape(text, include)
    config, version = configuration(include)
    autoconf = next((d / "lkl_autoconf.h" for d in include if (d / "lkl_autoconf.h").is_file()), None)
    options = autoconf.read_text(encoding="utf-8", errors="replace") if autoconf else ""
    host = frozenset(re.findall(r"^#define LKL_HOST_CONFIG_(\w+) y", options, re.M)) if autoconf else None
    return Headers(
        generation=generation,
        inlines=frozenset(re.findall(r"^static (?:__)?inline(?:__)? [^;={}()]*?\b(_*lkl_\w+)\s*\(", text, re.M)),
        host=host if host is not None else frozenset(re.findall(r"CONFIG_AUTO_LKL_(\w+)_HOST", " ".join(flags))),
        config=config,
        version=version,
        autoconf=autoconf is not None,
    )


def declarations(include: Sequence[Path], flags: Sequence[str], settings: Settings, *more: str) -> str:
    """The preprocessed headers; `more` are options of the preprocessor, such as -dM for the macros."""
    name = settings.cc[0]
    if "/" in name and not programs.find(name):
        raise UsageError(f"no C compiler {name}: mend the path of --lkl-cc")
    programs.demand([programs.compiler(name, "reading a library's headers")], "testing a kernel", "")
    done = process.run(
        [*settings.cc, "-E", "-P", *more, *(f"-I{folder}" for folder in include), *flags, "-x", "c", "-"],
        stdin=ENTRY.encode(), timeout=TIMEOUT,
    )  # fmt: skip
    if not done.ok:
        said = [line for line in done.errors.decode(errors="replace").splitlines() if "error" in line]
        folders = ", ".join(map(str, include))
        raise UsageError(
            f"the headers in {folders} cannot be read: {said[0] if said else done.describe()}: they are not LKL's, or "
            "their build is under way or has failed: build the tree again (make -C tools/lkl)"
        )
    return done.output.decode(errors="replace")


def shape(text: str, include: Sequence[Path]) -> Generation:
    """The generation that the prototype of lkl_start_kernel belongs to."""
    found = re.search(r"\blkl_start_kernel\s*\(([^;]*?)\)\s*;", text)
    if found is None:
        raise UsageError(
            f"the headers in {', '.join(map(str, include))} do not declare lkl_start_kernel(): they are not LKL's, or "
            "of a version that lkltest does not know"
        )
    parameters = found[1].split(",")
    if "lkl_host_operations" not in parameters[0]:
        return Generation.G3
    return Generation.G2 if "char" in parameters[1] else Generation.G1


def configuration(include: Sequence[Path]) -> tuple[frozenset[str], str]:
    """The kernel options that are set and the kernel's version, from the headers' copy of kbuild's autoconf.h."""
    for file in (folder / name for folder in include for name in CONFIGURATIONS):
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        options = re.findall(r"^#define (?:LKL_)?(CONFIG_\w+?)(?:_MODULE)? ", text, re.M)
        version = re.search(r"^ \* Linux/\w+ (\S+) Kernel Configuration", text, re.M)
        return frozenset(options), version[1] if version else ""
    return frozenset(), ""


def constants(liblkl: Liblkl, settings: Settings) -> frozenset[str]:
    """The names of all macros that the headers define: "LKL_O_RDWR", "__lkl__NR_getpid" (3,000 or so; 30 ms)."""
    text = declarations(liblkl.include, liblkl.cflags, settings, "-dM")
    names = re.findall(r"^#define ((?:__)?(?:lkl|LKL)_\w+)", text, re.M)
    return frozenset(names)
