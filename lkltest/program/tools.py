"""The debuggers and other tools that a test program can be run under."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lkltest import cc
from lkltest.errors import UsageError
from lkltest.host import programs
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings

HERE = Path(__file__).parent
GDB_COMMANDS = HERE / "lkltest.gdb"
SUPPRESSIONS = HERE / "lkl.supp"  # what kernels are known to do, for memcheck

SLOW = 20.0  # the factor by which timeouts grow: memcheck makes a kernel about this much slower

# The results go to the pipe that is our standard output, everything else of gdb and the program to the terminal.
GDB_SHELL = 'exec 3>&1 </dev/tty >/dev/tty 2>&1; exec "$@"'
GDB_PROGRAM = """sh -c 'exec "$0" "$@" >&3'"""

# A sanitizer that goes on after an error, or ends with the status of a failed point, could pass unseen.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:abort_on_error=1",
}


@dataclass(frozen=True)
class Tool:
    """The command in front of a program's command, and its effects."""

    prefix: tuple[str, ...] = ()
    foreground: bool = False  # at the user's terminal
    timeout_factor: float | None = 1.0  # by how much timeouts grow; None: there are none
    memcheck: bool = False  # its errors are in the program's output
    trace: Path | None = None  # the file that it writes


def require(settings: Settings) -> None:
    """Raise UsageError for tools that no program could run under: two at once, or commands that are not there."""
    named = wanted(settings)
    if len(named) > 1:
        raise UsageError(f"one program runs under one tool: leave out all but one of {', '.join(map(option, named))}")
    if named and settings.uml:
        raise UsageError(f"{option(named[0])} is for programs linked with a library: leave --uml out, or it")
    if named and shutil.which(named[0]) is None:
        package = programs.PACKAGES[named[0]]
        raise UsageError(f"no {named[0]} for {option(named[0])}: install it (apt-get install {package})")
    if settings.wrapper and shutil.which(settings.wrapper[0]) is None:
        raise UsageError(f"no {settings.wrapper[0]} for --lkl-wrapper: install it, or mend its path")
    cc.executable(settings.cc)
    if settings.gdb:
        require_terminal()


def require_terminal() -> None:
    """Raise UsageError where gdb would have no terminal."""
    try:
        with Path("/dev/tty").open(encoding="utf-8"):
            pass
    except OSError:
        raise UsageError("--lkl-gdb needs a terminal: run pytest from one, without xdist") from None


def require_on(kernel: Liblkl, settings: Settings) -> None:
    """Raise UsageError where the tool cannot be used on a kernel."""
    if settings.cov:
        from lkltest.coverage.collect import require_instrumented

        require_instrumented(kernel)
    if settings.valgrind and kernel.kasan:
        raise UsageError(
            f"{kernel.name} has KASAN, whose shadow memory memcheck takes for hundreds of errors: "
            "KASAN finds the kernel's own already; run --lkl-valgrind on a kernel built without CONFIG_KASAN"
        )


def choose(kernel: Liblkl, settings: Settings, directory: Path) -> Tool:
    """The tool that `settings` name; it writes to `directory`.

    Raises UsageError where it is not installed, cannot be used here or on this kernel, or not together with another.
    """
    require(settings)
    require_on(kernel, settings)
    if not wanted(settings):
        return Tool()
    if settings.gdb:
        return gdb(kernel)
    if settings.valgrind:
        return valgrind()
    trace = directory / "strace"
    # With -D the program is our child, and strace the grandchild: signals and the exit status are the program's.
    return Tool(("strace", "-D", "-f", "-tt", "-o", str(trace)), timeout_factor=SLOW, trace=trace)


def wanted(settings: Settings) -> list[str]:
    """The tools that settings name."""
    return [name for name in ("gdb", "valgrind", "strace") if getattr(settings, name)]


def option(name: str) -> str:
    """The option that names a tool."""
    return f"--lkl-{name}"


def gdb(kernel: Liblkl) -> Tool:
    """The program at a gdb prompt on the user's terminal, before it has started."""
    sources = ["-ex", f"directory {kernel.root}"] if kernel.root else []
    commands = ["-x", str(GDB_COMMANDS), "-ex", f"set exec-wrapper {GDB_PROGRAM}", *sources, "-ex", "lkltest-help"]
    return Tool(("sh", "-c", GDB_SHELL, "gdb", "gdb", "-q", *commands, "--args"), foreground=True, timeout_factor=None)


def valgrind() -> Tool:
    """The program under memcheck."""
    quiet = ("-q", "--log-fd=1", "--error-limit=no", "--num-callers=40", f"--suppressions={SUPPRESSIONS}")
    return Tool(("valgrind", *quiet), timeout_factor=SLOW, memcheck=True)


def sanitizer_options(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for programs that --lkl-cflags builds with sanitizers, where the user has not set them."""
    if not any(flag.startswith("-fsanitize") for flag in settings.cflags):
        return {}
    return {name: value for name, value in SANITIZER_OPTIONS.items() if name not in environment}
