"""One source on every shape of the kernel's API."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings
from tests.harness.stream import BOOT, SHAPES, Build, Run, failed

PROGRAMS = [source for source in sorted(BOOT.parent.parent.glob("*/*.c"))
            if source.parent.name != "uml" and not source.name.endswith(".inc.c")]


@pytest.mark.parametrize(("shape", "used"), [
    ("upstream", "shape: started 1, cleaned up 1"), ("um_v7", "shape: started 1"), ("um_v8", "shape: started 1"),
])
def test_the_boot_program_runs_on_every_generation(run: Run, shape: str, used: str) -> None:
    """The same source passes on a kernel with the API of upstream 6.12, and with those of UML's two library modes."""
    output = run(BOOT, flags=("-include", str(SHAPES / f"{shape}.h")))
    assert (output.status, failed(output)) == (0, [])
    assert used in output.console


@pytest.mark.parametrize("flags", [
    *(["-include", str(SHAPES / f"{shape}.h")] for shape in ("upstream", "um_v7", "um_v8")),
    ["-fsanitize=address,undefined"], ["-DLKLTEST_NO_CRASH"],
], ids=["upstream", "um_v7", "um_v8", "sanitized", "no_crash"])  # fmt: skip
def test_every_program_compiles_in_every_shape(liblkl: Liblkl, settings: Settings, flags: list[str]) -> None:
    """No suite's program leans on one generation's headers, or on those that our crash handler includes."""
    options = [*cc.FLAGS, *flags, *liblkl.cflags, f"-I{cc.HARNESS}", *(f"-I{folder}" for folder in liblkl.include)]
    for program in PROGRAMS:
        done = process.run([*settings.cc, *options, "-Werror", "-fsyntax-only", program], merge=True, timeout=60)
        assert done.ok, done.output.decode(errors="replace")


@pytest.mark.parametrize("plant", ["within", "after"])
@pytest.mark.parametrize("flags", [("-DLKLTEST_LACKS_HOST_print=1",), ("-include", str(SHAPES / "um_v8.h"))],
                         ids=["read", "replaced"])  # fmt: skip
def test_a_console_is_watched_in_every_shape(run: Run, flags: tuple[str, ...], plant: str) -> None:
    """A kernel without the operation has its log read; where the operation is a weak function, ours takes its place."""
    output = run("plant", f"plant={plant}", "line=<4>WARNING: planted", flags=flags)
    assert failed(output) == (["first"] if plant == "within" else [])
    assert output.status == (1 if plant == "within" else 6)


@pytest.mark.parametrize("shape", ["um_v7", "um_v8"])
def test_a_kernel_does_not_take_the_fatal_signals(program: Build, shape: str) -> None:
    """UML's library mode sets handlers that do nothing about a fault, and would repeat it for ever: ours stay."""
    done = process.run([program("faults", "-include", str(SHAPES / f"{shape}.h"))], timeout=60)
    assert done.signal == signal.SIGSEGV
    assert b" SIGSEGV 0x18\n" in done.errors
    assert b"lkltest: end " in done.errors


PANIC = """
#include <lkltest.h>
POINT(start_kernel) { lkltest_start_kernel(); }
POINT(panic) { lkltest_panic(); }
LKLTEST_POINTS = { LKLTEST(start_kernel), LKLTEST(panic) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""


@pytest.mark.parametrize("shape", ["um_v7", "um_v8"])
def test_a_panic_ends_the_process_and_not_the_stack(program: Build, tmp_path: Path, shape: str) -> None:
    """UML's library mode gives a program that calls abort() the kernel's function, which would panic once more."""
    source = tmp_path / "panic.c"
    source.write_text(PANIC)
    done = process.run([program(source, "-include", str(SHAPES / f"{shape}.h"))], timeout=60)
    assert done.signal == signal.SIGABRT
    assert done.errors.count(b"lkltest: the kernel panicked") == 1
    assert b"shape: panic" not in done.errors


# Functions of the C library's that UML's library mode has under the same name, with other arguments or another end.
OTHERS = "abort|getrusage|sched_getaffinity|sched_setaffinity|sched_setscheduler|sync_file_range|bsearch"


def test_programs_call_no_function_that_a_kernel_replaces() -> None:
    """The kernel's symbols may be global: nothing in the harness or in a suite calls what is then another function."""
    native = {"kcov.h", "native.h", "init.h"}  # parts of programs that no library is linked with
    suites = BOOT.parent.parent
    files = [path for path in (*cc.HARNESS.rglob("*.h"), *suites.rglob("*.[ch]")) if path.name not in native]
    assert len(files) > 30
    calls = re.compile(rf"(?<![\w.>(])(?:{OTHERS})\(")
    found = [f"{path.name}: {line.strip()}" for path in files if path.parent.name != "uml"
             for line in path.read_text().splitlines() if calls.search(re.sub(r"/\*.*|^ \* .*", "", line))]
    assert found == []


@pytest.mark.parametrize("name", ["plain", "a blank", "a,comma", "a:colon"])
def test_any_path_of_an_image_is_a_disk(run: Run, tmp_path: Path, name: str) -> None:
    """UML's library mode puts the path on a command line, where a comma would name a backing file."""
    image = tmp_path / name
    image.write_bytes(bytes(1 << 20))
    output = run("path", f"disk={image}", flags=("-include", str(SHAPES / "um_v8.h")))
    assert (output.status, failed(output)) == (0, [])


def test_the_native_shape_compiles(settings: Settings) -> None:
    """The boot program is a static init as well, without the points that only a library has."""
    native = cc.compile_native(BOOT, settings, flags=("-Werror",))
    names = process.run([native, "--list"], timeout=60).output.decode().split()
    assert "getpid" in names
    assert not {"mutex", "semaphore", "join", "start_kernel", "stop_kernel"} & set(names)


@pytest.mark.skipif(os.getpid() == 1, reason="this is an init")
def test_a_native_program_refuses_to_test_the_host(settings: Settings) -> None:
    """A native program that is not the init of a kernel refuses to run, and names the parameter `init=`."""
    done = process.run([cc.compile_native(BOOT, settings, flags=("-Werror",))], timeout=60)
    assert (done.status, done.output) == (2, b"")
    assert "init=" in done.errors.decode()
