from __future__ import annotations

import pytest

from lkltest.crash.headline import headline
from lkltest.crash.report import HANG_SIGNAL
from lkltest.crash.symbolize import Frame, Stack, render
from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.protocol import Alarm, State
from lkltest.fuzz.exec.shmem import Head
from lkltest.fuzz.repro.report import Report, ReportType, from_alarm, hang_signature, name_of_hang

SLUB = b"""\
[    0.512345] =============================================================================
[    0.512346] BUG kmalloc-64 (Not tainted): Object already free
[    0.512347] -----------------------------------------------------------------------------

[    0.512348] Disabling lock debugging due to kernel taint
[    0.512349] INFO: Allocated in sock_kmalloc+0x5a/0x80 age=2 cpu=0 pid=36
[    0.512350] INFO: Freed in sock_kfree_s+0x1a/0x40 age=1 cpu=0 pid=36
"""


def alarmed(alarm: Alarm, value: int, console: int = 0) -> Head:
    """The head of a worker that stopped after an alarm."""
    return Head(
        program=3, call=1, state=State.IDLE, calls=9, succeeded=9, alarm_program=3, alarm_call=1, alarm=alarm,
        alarm_value=value, console=console or value, novel=0, interrupted=0, boot_error=0, boot_us=0,
    )


def test_slab_damage_is_named() -> None:
    """A report of the slab allocator's checks is named by the damage and by the owner of the memory."""
    found = headline(SLUB)
    assert found is not None
    assert found.title == "BUG kmalloc-64 (Not tainted): Object already free"
    assert found.signature == ("kmalloc-64-Object_already_free", "sock_kmalloc")


def test_a_complaint_is_what_alarmed() -> None:
    """A trace before it, of a kernel that was short of memory, is no complaint, and gives no name."""
    before = b"[ 4.2] host1: page allocation failure: order:8\n[ 4.2] Call Trace:\n[ 4.2]  warn_alloc+0xcf/0x109\n"
    log = before + b"[ 4.3] WARNING: CPU: 0 PID: 1 at fs/inode.c:7 drop_nlink+0x11/0x20\n"
    head = alarmed(Alarm.CONSOLE, 1000 + len(before), 1000 + len(log))
    report = from_alarm(head, log, "unlinkat", b"")
    assert report.signature == ("drop_nlink",)
    assert "page allocation failure" in report.console


@pytest.mark.parametrize(("line", "corrupted"), [
    (b"BUG kmalloc-64 (Not tainted): Object already free", True),
    (b"Oops: 0000 [#1]", True),
    (b"WARNING: CPU: 0 PID: 1 at fs/inode.c:7 drop_nlink+0x11/0x20", False),
])
def test_damage_is_told_from_a_warning(line: bytes, corrupted: bool) -> None:
    """After BUG or Oops, the kernel's memory may be damaged: it is not to be used any longer."""
    report = from_alarm(alarmed(Alarm.CONSOLE, len(line)), line, "unlinkat", b"")
    assert (report.type, report.fatal, report.corrupted) == (ReportType.CONSOLE, False, corrupted)
    assert report.ends_kernel is corrupted
    assert report.value is None


def test_a_wrong_result_is_a_field() -> None:
    """The value is no word of the title only: a C program must return the same."""
    report = from_alarm(alarmed(Alarm.ERRNO, -4096), b"", "getcwd", b"")
    assert (report.type, report.value, report.frame) == (ReportType.ERRNO, -4096, "getcwd")


EXECUTOR = f"/x/{native.MODULE}.so"
KERNEL = "/src/linux"


def thread(tid: int, *functions: str) -> Stack:
    """A thread of a hang: the kernel's functions, the executor's (sandbox_...), the host's (sem_down)."""
    frames = []
    for number, function in enumerate(functions):
        module = EXECUTOR if function.startswith("sandbox") else "/x/liblkl.so"
        file = f"{KERNEL}/arch/lkl/kernel/{function}.c" if module != EXECUTOR and function != "sem_down" else ""
        frames.append(Frame(number, number, function, file=file, line=1, module=module))
    return Stack(tid, HANG_SIGNAL, f"thread {tid}", tuple(frames))


@pytest.mark.parametrize(("threads", "blamed"), [
    ([("pipe_read", "lkl_syscall", "sandbox_run")], "pipe_read"),
    ([("sem_down", "lkl_cpu_get", "lkl_syscall", "sandbox_drain"), ("tick_loop", "lkl_trigger_irq")], "tick_loop"),
    ([("sandbox_drain",), ("sem_down", "switch_to_host_task", "lkl_syscall", "sandbox_watch")], "switch_to_host_task"),
    ([("sem_down", "lkl_cpu_get", "lkl_syscall", "sandbox_drain")], "lkl_cpu_get"),
])
def test_a_hang_is_never_named_after_the_executor(threads: list[tuple[str, ...]], blamed: str) -> None:
    """The kernel's function is to blame, of the thread that waits, or of the one that has the kernel's CPU."""
    assert hang_signature([thread(tid, *functions) for tid, functions in enumerate(threads)])[0] == blamed


@pytest.mark.parametrize(("places", "blamed"), [
    ("EEKKEP", "liblkl.so+0x103"),  # in the function that an instrumented block calls
    ("EKKH", "liblkl.so+0x102"),  # the same in a thread of the kernel
    ("KKEP", "liblkl.so+0x101"),
    ("EEP", "lkltest_executor.so+0x101"),  # in no call of the kernel
])
def test_a_loop_is_the_kernels_wherever_it_is_seen(places: str, blamed: str) -> None:
    """A block of an instrumented kernel calls the executor, where a call that works for ever is most of the time."""
    files = {"K": "/x/liblkl.so", "E": EXECUTOR, "P": "/x/libpython3.so", "H": "/x/libc.so.6"}
    starts = {letter: 0x10000 * n for n, letter in enumerate(files, 1)}
    stack = "".join(f"lkltest: stack 7 #{n} {starts[place] + 0x101 + n:#x}\n" for n, place in enumerate(places))
    maps = "".join(f"lkltest: map {start:x}-{start + 0x1000:x} r-xp 00000000 fe:00 1  {files[letter]}\n"
                   for letter, start in starts.items())
    text = f"lkltest: signal 7 SIGUSR2 -\n{maps}lkltest: thread 7 python\n{stack}lkltest: end 7\n"
    assert name_of_hang(text.encode()).startswith(f"hang-{blamed}")


def failure(type: ReportType, *signature: str) -> Report:
    """A failure in some functions."""
    return Report(type, "", signature, program=0, call=0, stack="", console="")


def test_a_call_that_works_for_ever_is_one_hang() -> None:
    """It is seen in another function each time, below the one that loops; a crash in another function is another."""
    loop, below, other = ("reserve", "unmount"), ("modify", "reserve", "unmount"), ("down_write", "munmap")
    assert failure(ReportType.HANG, *loop).same(failure(ReportType.HANG, *below))
    assert not failure(ReportType.HANG, *loop).same(failure(ReportType.HANG, *other))
    assert not failure(ReportType.CRASH, *loop).same(failure(ReportType.CRASH, *below))
    assert failure(ReportType.HANG).same(failure(ReportType.HANG))


def test_a_hang_says_who_has_the_cpu() -> None:
    """The thread that is in the kernel, and does not wait, has its CPU; where all wait, that is told."""
    waiting, busy = thread(1, "sem_down", "lkl_cpu_get", "lkl_syscall"), thread(2, "tick_loop", "lkl_trigger_irq")
    text = render([waiting, busy])
    assert "thread 2, has the kernel's CPU:" in text
    assert text.count("has the kernel's CPU") == 1
    assert "no thread has the kernel's CPU" in render([waiting])
