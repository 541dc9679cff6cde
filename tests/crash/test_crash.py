"""Programs that crash or hang in a real kernel, and what is told of them."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.crash import symbolize
from lkltest.crash.report import parse
from lkltest.crash.symbolize import Stack
from lkltest.host import process
from lkltest.host.process import Child, Completed
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

SOURCE = Path(__file__).parent / "crashes.c"
TIMEOUT = 60.0  # seconds; the slowest takes one

POINT = "lkltest_point_crash"

# How the program dies: by which signal, at which address, through which functions, innermost first.
CRASHES = {
    "in_point": ("SIGSEGV", 0x18, ["in_point", POINT]),
    "call_through_null": ("SIGSEGV", 0, ["", "call_through_null", POINT]),
    "jump_into_the_blue": ("SIGSEGV", 0x414141414000, ["", "jump_into_the_blue", POINT]),
    "aborts": ("SIGABRT", None, ["aborts", POINT]),
    "divide": ("SIGFPE", ..., ["divide", POINT]),
    "trap": ("SIGTRAP", ..., ["trap", POINT]),
    "illegal": ("SIGILL", ..., ["illegal", POINT]),
    "bus": ("SIGBUS", None, ["bus", POINT]),
    "non_canonical": ("SIGSEGV", ..., ["non_canonical", POINT]),
    "with_broken_frames": ("SIGSEGV", 0xC, ["with_broken_frames", POINT]),
    "with_smashed_stack": ("SIGSEGV", 0x10, ["with_smashed_stack"]),
    "in_many_threads_at_once": ("SIGSEGV", 0x14, ["crashing_thread"]),
    "in_leaf_of_the_kernel": ("SIGSEGV", 0x10, ["vfs_read", "lkl_syscall", "in_leaf_of_the_kernel", POINT]),
    "where_memory_cannot_be_probed": ("SIGSEGV", 0x10, ["vfs_read", "lkl_syscall", "in_leaf_of_the_kernel", POINT]),
    "in_write": ("SIGSEGV", 0x10, ["generic_perform_write", "vfs_write", "lkl_syscall", "in_write", POINT]),
    "in_mount": ("SIGSEGV", 0x10, ["copy_mount_options", "lkl_syscall", "in_mount", POINT]),
    "in_callback_of_libc": (
        "SIGSEGV", 0x10, ["generic_perform_write", "lkl_syscall", "write_and_compare", "in_callback_of_libc", POINT],
    ),
    # From the host's driver, which has no frame pointers, back into the kernel, which has nothing else.
    "in_driver": (
        "SIGSEGV", 0x4, ["bad_request", "virtio_process_queue", "vm_notify", "virtqueue_notify", "thread_bootstrap"],
    ),
    "in_print_hook": ("SIGSEGV", 0x8, ["bad_print", "console_unlock", "vfs_write", "lkl_syscall", POINT]),
    "panics": ("SIGABRT", None, ["panic", "out_of_memory", "generic_perform_write", "lkl_syscall", "panics", POINT]),
    "overflow": ("SIGSEGV", ..., ["recurse", "overflow", POINT]),
    "overflow_in_own_thread": ("SIGSEGV", ..., ["recurse", "overflowing_thread"]),
    # In a thread that the C library starts for the host's timer, with all signals blocked.
    "in_kernel_timer": ("SIGSEGV", 0x18, ["in_point", "time_in_timer", "ktime_get", "lkl_trigger_irq", "run_timer"]),
    "overflow_in_kernel_timer": ("SIGSEGV", ..., ["recurse", "overflow", "time_in_timer", "run_timer"]),
    "overflow_in_kernel_thread": (
        "SIGSEGV", ..., ["recurse", "deep_request", "virtio_process_queue", "vm_notify", "thread_bootstrap"],
    ),
}


@pytest.fixture(scope="session")
def program(liblkl: Liblkl, settings: Settings) -> Path:
    """The crashing program, as suites are compiled."""
    return cc.compile(SOURCE, liblkl, settings)


def run(program: Path, how: str, env: dict[str, str] | None = None) -> Completed:
    """Run the program to its death."""
    done = process.run([program, f"how={how}"], env=env, timeout=TIMEOUT)
    assert not done.timed_out, done.errors
    return done


def functions(stack: Stack) -> list[str]:
    """Names of a stack's functions, innermost first."""
    return [frame.function for frame in stack.frames]


def assert_in_order(wanted: list[str], names: list[str]) -> None:
    """`wanted` are among `names`, in this order."""
    rest = iter(names)
    missing = [name for name in wanted if name not in rest]
    assert not missing, f"no {missing} in {names}"


@pytest.mark.parametrize("how", CRASHES)
def test_a_crash_names_its_place(program: Path, how: str) -> None:
    """Signal, address and the functions of program, host and kernel are told, and the exit status is the signal's."""
    name, address, wanted = CRASHES[how]
    done = run(program, how)
    assert done.signal == signal.Signals[name]
    (report,) = parse(done.errors)
    (stack,) = symbolize.symbolize(report)
    assert (report.signal, report.complete) == (name, True)
    assert address is ... or report.address == address
    assert_in_order(wanted, functions(stack))
    if wanted[-1] == POINT:
        assert functions(stack)[-1] == POINT  # what lies below says nothing
    assert "overflow" in how or len(stack.frames) < 60  # nothing is made up
    assert "(perhaps" not in symbolize.render([stack]) or how == "with_smashed_stack"


@pytest.mark.parametrize(
    "how", ["overflow", "overflow_in_own_thread", "overflow_in_kernel_thread", "overflow_in_kernel_timer"]
)
def test_a_stack_overflow_is_called_so(program: Path, how: str) -> None:
    """A stack overflow is told as one, with both ends of the stack, and briefly."""
    text = symbolize.explain(run(program, how).errors, program)
    assert "a stack overflow" in text
    assert re.search(r"and \d{4,} frames more of the same", text)
    assert len(text.splitlines()) < 60


def test_lines_are_the_sources_own(program: Path) -> None:
    """Lines are shown relative to the current directory or the kernel's root."""
    done = run(program, "in_write")
    stacks = symbolize.symbolize(done.errors)
    text = symbolize.render(stacks, cwd=SOURCE.parent)
    line = next(n for n, code in enumerate(SOURCE.read_text().splitlines(), 1) if "lkl_sys_write(tmpfs_file()" in code)
    assert re.search(rf"#\d+ +in_write +crashes\.c:{line}$", text, re.MULTILINE)
    assert re.search(r"#\d+ +generic_perform_write +mm/filemap\.c:\d+$", text, re.MULTILINE)
    assert text.startswith("SIGSEGV at address 0x10 in thread ")


def test_a_signature_is_of_the_kernels_own_functions(program: Path) -> None:
    """The signature passes over memcpy and panic, and is the same for the same crash."""
    first, second = (symbolize.symbolize(run(program, "panics").errors)[0] for _ in range(2))
    assert symbolize.signature(first)[0] == "out_of_memory"
    assert symbolize.signature(first) == symbolize.signature(second)
    (leaf,) = symbolize.symbolize(run(program, "in_leaf_of_the_kernel").errors)
    assert not {"memcpy", "__memcpy"} & set(symbolize.signature(leaf, depth=5))


@pytest.mark.parametrize(
    "flags", [("-static",), ("-static-pie",), ("-no-pie", "-fno-pie"), ("-O2", "-fomit-frame-pointer")], ids=" ".join
)
def test_a_program_may_be_built_in_any_way(liblkl: Liblkl, settings: Settings, flags: tuple[str, ...]) -> None:
    """Static, position independent or without frame pointers: the stack reaches from the kernel into the test."""
    done = run(cc.compile(SOURCE, liblkl, settings, flags=flags), "in_callback_of_libc")
    (stack,) = symbolize.symbolize(done.errors)
    wanted = ["generic_perform_write", "lkl_syscall", "write_and_compare", "in_callback_of_libc"]
    assert_in_order(wanted, functions(stack))
    assert not any(frame.guess for frame in stack.frames)


def test_a_program_without_symbols_has_offsets(program: Path, tmp_path: Path) -> None:
    """Frames without a known name have their module and offset."""
    bare = tmp_path / "bare"
    assert process.run(["strip", "-o", bare, program]).ok
    (stack,) = symbolize.symbolize(run(bare, "in_write").errors)
    text = symbolize.render([stack])
    assert re.search(r"#0 +\? +bare\+0x[0-9a-f]+$", text, re.MULTILINE)
    assert symbolize.signature(stack)[0].startswith("bare+0x")


def test_without_addr2line_functions_are_told(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without binutils still gets the names of functions."""
    monkeypatch.setattr("lkltest.crash.addresses.tool", lambda path: f"/no/addr2line/for{path}")
    (stack,) = symbolize.symbolize(run(program, "in_write").errors)
    assert_in_order(["generic_perform_write", "vfs_write", "lkl_syscall", "in_write"], functions(stack))


def test_the_handler_can_be_turned_off(program: Path) -> None:
    """With LKLTEST_NO_CRASH_HANDLER nothing is written, and the signal is the same."""
    done = run(program, "in_point", env={"LKLTEST_NO_CRASH_HANDLER": "1"})
    assert done.signal == signal.SIGSEGV
    assert b"lkltest: " not in done.errors


def test_a_sanitizer_keeps_its_own_report(liblkl: Liblkl, settings: Settings) -> None:
    """Under AddressSanitizer ours stays silent, and its report comes."""
    done = run(cc.compile(SOURCE, liblkl, settings, flags=("-fsanitize=address",)), "in_point")
    assert b"AddressSanitizer" in done.errors
    assert b"lkltest: signal" not in done.errors


def test_a_fault_in_the_handler_is_told(liblkl: Liblkl, settings: Settings) -> None:
    """A report that crashes itself is shown as far as it goes, with a note on that, and the process ends."""
    done = run(cc.compile(SOURCE, liblkl, settings, flags=("-DBROKEN_UNWINDER",)), "in_point")
    assert done.signal == signal.SIGSEGV
    (report,) = parse(done.errors)
    assert (report.signal, report.address, report.again) == ("SIGSEGV", 0x18, "SIGSEGV")
    text = symbolize.explain(done.errors)
    assert re.search(r"#0 in_point +.*crashes\.c:\d+", text)
    assert "SIGSEGV while this report was written" in text


def ask(program: Path, how: str, tmp_path: Path, wait: float) -> tuple[bytes, Child]:
    """Let the program hang, ask it for its stacks, and then wait for its end at most `wait` seconds."""
    log = tmp_path / "stderr"
    with log.open("wb") as errors, Child([program, f"how={how}"], stderr=errors) as child:
        for marker in (b"hanging\n", b"\nlkltest: end "):
            until = time.monotonic() + TIMEOUT
            while marker not in log.read_bytes():
                assert time.monotonic() < until, log.read_bytes()
                child.wait(0.01)
            if marker == b"hanging\n":
                assert not child.wait(0.2)  # so that it sleeps in the kernel by then
                child.signal(signal.SIGUSR2)
        child.wait(wait)
        child.kill()
    return log.read_bytes(), child


def test_a_hang_shows_all_threads(program: Path, tmp_path: Path) -> None:
    """On SIGUSR2 every thread's stack is told: of the point, of the kernel's threads, of those that block signals."""
    errors, child = ask(program, "hangs", tmp_path, wait=0.2)
    assert child.ended().signal == signal.SIGKILL  # it was still alive
    stacks = symbolize.symbolize(errors)
    names = [functions(stack) for stack in stacks]
    assert_in_order(["pipe_read", "vfs_read", "lkl_syscall", "hangs", POINT], names[0])
    assert any("worker_thread" in stack for stack in names)
    (deaf,) = (stack for stack in stacks if "deaf_thread" in functions(stack))
    assert any("blocks signals" in note for note in deaf.notes)
    assert symbolize.signature(stacks[0])[0] in {"pipe_wait", "pipe_read"}
    text = symbolize.explain(errors, program)
    assert text.index("pipe_read") < text.index("deaf_thread") < text.index("worker_thread")
    assert re.search(r"^idle threads: .*worker_thread \d", text, re.MULTILINE)
    assert len(text.splitlines()) < 40


def test_a_program_goes_on_after_it_was_asked(program: Path, tmp_path: Path) -> None:
    """Asking for stacks does no harm: neither to the system call that was interrupted nor to the kernel."""
    errors, child = ask(program, "naps", tmp_path, wait=TIMEOUT)
    assert child.ended().status == 0, errors


def test_a_hang_in_a_timer_shows_its_stack(program: Path, tmp_path: Path) -> None:
    """A timer of the kernel that does not end answers, too, and is shown as the thread that runs."""
    errors, child = ask(program, "hangs_in_kernel_timer", tmp_path, wait=0.2)
    assert child.ended().signal == signal.SIGKILL
    assert any({"spin", "run_timer"} <= set(functions(stack)) for stack in symbolize.symbolize(errors))
    assert re.search(r"has the kernel's CPU:\n  #0 spin\b", symbolize.explain(errors, program))
