"""The compiler of test programs, with a cache keyed by content."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lkltest.errors import BuildError, LkltestError, UsageError
from lkltest.host import cache_limit, process
from lkltest.host.cache import holds, key, recall
from lkltest.host.stamp import stamp
from lkltest.liblkl import lacking
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

__all__ = ["FLAGS", "HARNESS", "collector", "compile", "compile_native"]

# Frame pointers and line numbers are what the stack of a crash is made of; -O1 keeps both honest.
FLAGS = (
    "-std=gnu11", "-D_GNU_SOURCE=", "-g", "-O1", "-fno-omit-frame-pointer", "-pthread",
    "-Wall", "-Wextra", "-Wno-unused-parameter",
)

HARNESS = lacking.HARNESS  # what `#include <lkltest.h>` finds
# A native program has the points of a library's programs, but not in its plan: they may call what only a library
# declares. gcc 14 would take that for an error; a call from one of its own points is one when it is linked.
NATIVE = (f"-I{HARNESS}", "-DLKLTEST_NATIVE", "-Wno-implicit-function-declaration")
LINES = 20  # of a compiler's output that an error has
TIMEOUT = 300.0  # seconds for one compilation


@dataclass(frozen=True)
class Job:
    """One compilation: everything that decides its result, apart from the contents of the files it reads."""

    source: Path
    compiler: tuple[str, ...]
    flags: tuple[str, ...]
    libraries: tuple[str, ...]  # objects, archives and -l options, in link order
    reads: tuple[Path, ...]  # files among the libraries that the compiler's dependency list does not name

    def command(self, output: Path, dependencies: Path) -> tuple[str, ...]:
        """The compiler's command line."""
        return (
            *self.compiler, *self.flags, "-MD", "-MF", str(dependencies), str(self.source),
            "-o", str(output), *self.libraries,
        )


def compile(
    source: Path, liblkl: Liblkl, settings: Settings, *, flags: Sequence[str] = (), others: Sequence[Path] = ()
) -> Path:
    """Compile a test program against `liblkl`; return the executable in the cache. `others` are more of its sources.

    Raises BuildError with the compiler's own output where it does not compile or link, UsageError where
    the source or the compiler is not there.
    """
    # A program finds a shared library where it was linked, however the tree is installed.
    rpath = () if liblkl.library is liblkl.static else ("-Xlinker", "-rpath", "-Xlinker", str(liblkl.library.parent))
    noted = collector(liblkl, settings)
    return build(
        Job(
            source=source,
            compiler=settings.cc,
            flags=_flags(liblkl, settings, flags),
            libraries=(*map(str, others), *map(str, noted), str(liblkl.library), *liblkl.libs, *rpath),
            reads=(liblkl.library, *noted, *_all_read(source, others)),
        ),
        settings,
    )


def _flags(liblkl: Liblkl, settings: Settings, flags: Sequence[str]) -> tuple[str, ...]:
    """The flags of a program that is linked with `liblkl`, in which `flags` are its own."""
    includes = [f"-I{HARNESS}", *(f"-I{directory}" for directory in liblkl.include)]
    facts = lacking.flags(liblkl.include, liblkl.undefined)
    return (*FLAGS, *includes, *facts, *liblkl.cflags, *flags, *settings.cflags)


def preprocess(text: str, source: Path, liblkl: Liblkl, settings: Settings, *, flags: Sequence[str] = ()) -> str | None:
    """The output of the preprocessor for `text` in the place of a program's `source`; None where it fails."""
    executable(settings.cc)
    done = process.run(
        [*settings.cc, *_flags(liblkl, settings, flags), "-E", "-P", "-iquote", str(source.parent), "-x", "c", "-"],
        stdin=text.encode(errors="surrogateescape"), timeout=TIMEOUT,
    )  # fmt: skip
    return done.output.decode(errors="replace") if done.ok else None


def collector(liblkl: Liblkl, settings: Settings) -> tuple[Path, ...]:
    """The object that notes what a kernel reaches which was built to report it; none for any other."""
    if not liblkl.instrumented:
        return ()
    # Whatever the programs are built with: the collector's own blocks must not call it. Without -fPIC a function of a
    # shared library would have an address in the program.
    plain = [flag for flag in settings.cflags if not flag.startswith("-fsanitize")]
    flags = ("-c", "-O2", "-g", "-fPIC", *FLAGS[:2], *liblkl.cflags, *plain)
    return (build(Job(HARNESS / "coverage.c", settings.cc, flags, libraries=(), reads=()), settings),)


def _all_read(source: Path, others: Sequence[Path]) -> tuple[Path, ...]:
    """The files that several sources include: the compiler's dependency list names those of the last one only."""
    if not others:
        return ()
    headers = {header for other in (source, *others) for header in other.parent.glob("*.h")}
    return (source, *others, *sorted(headers))


def compile_native(
    source: Path, settings: Settings, *, flags: Sequence[str] = (), static: bool = True
) -> Path:
    """Compile a program that makes the running kernel's own system calls: a static one, as UML's init has to be."""
    return build(
        Job(
            source=source,
            compiler=settings.cc,
            flags=(*FLAGS, *NATIVE, *(["-static"] if static else []), *flags, *settings.cflags),
            libraries=(),
            reads=(),
        ),
        settings,
    )


def build(job: Job, settings: Settings) -> Path:
    """Return the job's executable, compiled only where none was made from these very contents."""
    if not job.source.is_file():
        raise UsageError(f"no C source {job.source}: mend the path in the suite that declares it")
    found = stamp(executable(job.compiler))
    place = settings.cache / "programs" / f"{job.source.stem}-{key(repr(job), repr(found))}"
    cache_limit.use(place)  # before it is looked for: one that is used now is not removed
    return _cached(place) or _compile(job, place)


def executable(compiler: Sequence[str]) -> str:
    """The path of a compiler, given as a command; raises UsageError where it is not there."""
    found = shutil.which(compiler[0])
    if found is None:
        raise UsageError(
            f"no C compiler {compiler[0]!r}: test programs are compiled with it; "
            "install it (apt-get install gcc libc6-dev) or name another with --lkl-cc"
        )
    return found


def _digest(path: str) -> str:
    import hashlib  # loads OpenSSL, which takes longer than all the rest of a run that compiles nothing

    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _cached(place: Path) -> Path | None:
    """The executable in `place` if all that it was made from has the same contents still."""
    manifest = recall(place / "manifest.json", lambda rows: [(str(path), mark, str(sum_)) for path, mark, sum_ in rows])
    if manifest is None or not holds(place, "program"):
        return None
    changed = [path for path, before, _ in manifest if stamp(path) != before]
    contents = {path: digest for path, _, digest in manifest}
    for path in changed:
        try:
            if _digest(path) != contents[path]:
                return None
        except OSError:
            return None
    if changed:
        _write_manifest(place, contents)
    return place / "program"


def _write_manifest(place: Path, contents: dict[str, str]) -> None:
    rows = [(path, stamp(path), digest) for path, digest in contents.items()]
    temporary = place / f".manifest.{os.getpid()}"
    temporary.write_text(json.dumps(rows), encoding="utf-8")
    temporary.replace(place / "manifest.json")


def _compile(job: Job, place: Path) -> Path:
    from filelock import FileLock

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(place.name + ".lock")):
            if (made := _cached(place)) is not None:
                return made
            for stale in place.parent.glob(f".{place.name}.*"):
                shutil.rmtree(stale, ignore_errors=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
            try:
                _compile_into(job, temporary)
                shutil.rmtree(place, ignore_errors=True)
                temporary.rename(place)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        cache_limit.keep_below(place.parent)
    except OSError as error:
        raise UsageError(
            f"cannot keep compiled programs in {place.parent}: {error.strerror or error}; "
            "free some room, mend its permissions, or name another cache with --lkl-cache"
        ) from None
    return place / "program"


def refusal(what: str, output: bytes, cache: Path) -> LkltestError:
    """The error for a compiler that has refused a file of ours: the user's to mend, where the disk is full."""
    said = output.decode(errors="backslashreplace")
    if os.strerror(errno.ENOSPC) in said:
        return UsageError(f"no room for compiled programs in {cache}: free some, or name another with --lkl-cache")
    first = "\n".join(said.rstrip().splitlines()[:LINES])
    return BuildError(f"{what}\n{first}".rstrip(), said)


def _compile_into(job: Job, directory: Path) -> None:
    dependencies = directory / "program.d"
    done = process.run(
        job.command(directory / "program", dependencies), timeout=TIMEOUT, merge=True, env={"LC_ALL": "C.UTF-8"}
    )
    output = done.output.decode(errors="backslashreplace")
    if not done.ok and os.strerror(errno.ENOSPC) in output:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if not done.ok:
        raise BuildError(f"{job.source} does not build ({done.describe()})\n{output.rstrip()}", output)
    read = [*_prerequisites(os.fsdecode(dependencies.read_bytes())), *map(str, job.reads)]
    (directory / "warnings").write_text(output, encoding="utf-8", errors="backslashreplace")
    (directory / "command").write_bytes(os.fsencode(process.command(done.argv)) + b"\n")
    _write_manifest(directory, {path: _digest(path) for path in dict.fromkeys(read)})


def _prerequisites(rule: str) -> Iterable[str]:
    """The files that a make rule written by the compiler names, after its target."""
    _, _, names = rule.replace("\\\n", " ").partition(": ")
    for name in re.split(r"(?<!\\)\s+", names.strip()):
        yield name.replace("\\ ", " ").replace("\\#", "#").replace("$$", "$")
