"""The executor, compiled through cffi against one liblkl."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sysconfig
from pathlib import Path
from typing import Any

from lkltest import cc
from lkltest.errors import UsageError
from lkltest.fuzz.exec.protocol import header
from lkltest.host import cache, process
from lkltest.liblkl import lacking
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

HERE = Path(__file__).parent
MODULE = "lkltest_executor"
SOURCES = ("executor.c", "arena.h", "sandbox.h", "console.h", "image.h", "listing.h")

INTERFACE = """
int fz_attach(int fd);
int fz_edges(int seen, int trace);
long fz_boot(unsigned long memory, const char *cmdline);
long fz_disk(const char *path, const char *type);
long fz_base(const char *path);
uint32_t fz_run(uint32_t count, uint64_t first);
void fz_serve(int in, int out);
"""

FLAGS = (
    "-std=gnu11", "-g", "-O2", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
    "-fno-strict-aliasing", "-fPIC", "-shared", "-pthread", "-w",
)


def build(liblkl: Liblkl, settings: Settings) -> Path:
    """The executor's extension module for `liblkl`, compiled once for each content of sources and headers.

    Raises UsageError where the library has no shared form or Python's headers are missing, BuildError with the
    compiler's output where it does not compile.
    """
    from cffi import FFI

    if liblkl.shared is None:
        raise UsageError(
            f"{liblkl.path} has no liblkl.so, and the fuzzer loads the kernel at run time: "
            "build it (make -C tools/lkl)"
        )
    python = sysconfig.get_paths()["include"]
    if not (Path(python) / "Python.h").is_file():
        raise UsageError(f"no Python.h in {python}: install Python's headers (apt-get install python3-dev)")
    ffi = FFI()
    ffi.cdef(INTERFACE)
    ffi.set_source(MODULE, INTERFACE)
    argv = [
        *settings.cc, *FLAGS, f"-I{python}", "-I.", f"-I{HERE}", f"-I{cc.HARNESS}",
        *(f"-I{path}" for path in liblkl.include), *lacking.disks(liblkl.include),
        *lacking.absent(liblkl.undefined), *liblkl.cflags,
    ]
    collector = cc.collector(liblkl, settings)
    tail = [*map(str, collector), str(liblkl.shared), f"-Wl,-rpath,{liblkl.shared.parent}", *liblkl.libs]
    contents = [path.read_bytes() for path in (*(HERE / name for name in SOURCES), *collector)]
    harness = [path.read_bytes() for path in sorted((cc.HARNESS / "lkltest").rglob("*.h"))]
    protocol = header()
    headers = [str(path) for path in liblkl.include] + [str(liblkl.built)]
    key = cache.key(*contents, *harness, *headers, INTERFACE, protocol, *argv, *tail)
    place = settings.cache / "fuzz" / f"executor-{key}"

    def make(directory: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # cffi prints the file's name
            ffi.emit_c_code(str(directory / f"{MODULE}.c"))
        (directory / "protocol.h").write_text(protocol, encoding="utf-8")
        command = [*argv, f"{MODULE}.c", str(HERE / "executor.c"), "-o", f"{MODULE}.so", *tail]
        done = process.run(command, cwd=directory, timeout=300, merge=True)
        if not done.ok:
            raise cc.refusal(f"the executor does not compile against {liblkl.path}:", done.output, settings.cache)

    return cache.make_once(place, make, whole=lambda made: cache.holds(made, f"{MODULE}.so")) / f"{MODULE}.so"


def load(path: Path) -> Any:
    """Load the executor; its functions are attributes of the returned `lib`."""
    spec = importlib.util.spec_from_file_location(MODULE, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module.lib
