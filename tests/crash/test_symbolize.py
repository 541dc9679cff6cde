"""The lines of a program about its crash, read and shown without a kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lkltest.crash import addresses
from lkltest.crash.report import HANG_SIGNAL, Address, CrashReport, Mapping, Thread, parse
from lkltest.crash.symbolize import Frame, Stack, blamed, explain, render, signature, symbolize, without_handlers
from lkltest.plugin import alike

REPORT = """[    0.1] a line without an end
lkltest: signal 12 SIGSEGV 0x18
lkltest: sp 12 0x7ffc00001000
lkltest: stack 12 #0 0x55e000001234
lkltest: stack 12 #1 0x55e000001300 ?
lkltest: map 55e000001000-55e000002000 r-xp 00001000 fe:00 22387                    /no where/prögram (deleted)
lkltest: end 12
""".encode()


def frame(function: str, file: str = "/k/fs/a.c", line: int = 1, number: int = 0, **more: bool) -> Frame:
    """A frame of a program called prog."""
    return Frame(number, 0x1000, function, file=file, line=line, module="/bin/prog", offset=0x1000, **more)


ENTRY = frame("lkl_syscall", "/k/arch/lkl/kernel/syscalls.c")


def stack(*frames: Frame, tid: int = 1, signal: str = "SIGSEGV") -> Stack:
    """A stack with these frames."""
    return Stack(tid, signal, f"thread {tid}", frames)


def test_a_report_is_read() -> None:
    """Signal, address, frames and maps are read, whatever stands before them on the line."""
    (report,) = parse(REPORT)
    assert report == CrashReport(
        "SIGSEGV", 12, 0x18, sp=0x7FFC00001000, complete=True,
        threads=(Thread(12, frames=(Address(0, 0x55E000001234, False), Address(1, 0x55E000001300, True))),),
        maps=(Mapping(0x55E000001000, 0x55E000002000, 0x1000, "/no where/prögram"),),
    )


@pytest.mark.parametrize("cut", range(0, len(REPORT), 7))
def test_a_report_that_breaks_off_is_read(cut: int) -> None:
    """Wherever the process was killed, what came is shown, with a word about what did not."""
    text = explain(REPORT[:cut])
    assert not text or "breaks off" in text


def test_other_output_is_no_report() -> None:
    """Output without a report, of whatever bytes, explains nothing."""
    assert explain(b"") == explain(b"\xff\x00lkltest: map\nlkltest: stack 1 #1 0x1\nlkltest: signal x") == ""


def test_huge_numbers_do_no_harm() -> None:
    """A line whose numbers are no addresses is passed over."""
    text = b"lkltest: signal 1 SIGSEGV 0x" + b"f" * 100_000 + b"\nlkltest: stack " + b"9" * 100_000
    assert explain(text) == "" or "SIGSEGV" in explain(text)


def test_two_reports_are_two() -> None:
    """Each signal line begins a report."""
    assert [r.signal for r in parse(REPORT + REPORT.replace(b"SIGSEGV 0x18", b"SIGABRT -"))] == ["SIGSEGV", "SIGABRT"]


def test_an_address_without_a_file_stays_an_address() -> None:
    """A module that is gone is still named, with the offset; an address outside of all is shown bare."""
    text = explain(REPORT.replace(b"#1 0x55e000001300 ?", b"#1 0x10"))
    assert "#0 ?     prögram+0x1234\n" in text
    assert "#1 0x10  no code is mapped there\n" in text


@pytest.mark.parametrize(("line", "title"), [
    ("SIGSEGV 0x18", "SIGSEGV at address 0x18 in thread 12"),
    ("SIGSEGV ?", "SIGSEGV by a general protection fault, most often of a non-canonical pointer, in thread 12"),
    ("SIGSEGV -", "SIGSEGV in thread 12"),
    ("SIGFPE 0x55e000001234", "SIGFPE in thread 12"),
    ("SIGABRT -", "SIGABRT in thread 12"),
])
def test_a_title_says_what_is_known(line: str, title: str) -> None:
    """An address is told where it is that of the access; that of an instruction is in the stack anyway."""
    (crash,) = symbolize(REPORT.replace(b"SIGSEGV 0x18", line.encode()))
    assert crash.title == title


def test_paths_are_shown_short() -> None:
    """The kernel's files are relative to its root, the program's to the current directory, others whole."""
    frames = (
        frame("a", "/src/linux/fs/a.c"), frame("lkl_syscall", "/src/linux/arch/lkl/kernel/syscalls.c", number=1),
        frame("main", "/home/me/disk.c", number=2), frame("other", "/opt/x.c", number=3),
    )
    lines = render([stack(*frames)], cwd=Path("/home/me")).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == [
        "fs/a.c:1", "arch/lkl/kernel/syscalls.c:1", "disk.c:1", "/opt/x.c:1",
    ]


def test_a_point_is_shown_as_its_author_wrote_it() -> None:
    """The harness's prefix is not shown."""
    assert "#0 point_mount" in render([stack(frame("lkltest_point_mount"))])


def test_a_frame_of_ours_leaves_no_gap() -> None:
    """The wrapper that starts the kernel's threads is no frame that the program left out; other gaps are counted."""
    numbers = {"new_thread": 6, "lkltest_crash_thread_create": 5, "thread_create": 4, "kernel_thread": 8}
    frames = [frame(name, number=number) for name, number in sorted(numbers.items(), key=lambda item: item[1])]
    kept = without_handlers(frames)
    assert [(f.function, f.number) for f in kept] == [("thread_create", 4), ("new_thread", 5), ("kernel_thread", 7)]
    assert "  1 frame is left out\n" in render([stack(*kept)])


def test_inlined_and_guessed_frames_are_marked() -> None:
    """A frame says if it is inlined, or may be of an earlier call."""
    text = render([stack(frame("in", inlined=True), frame("out"), frame("maybe", guess=True, number=1))])
    marks = [line.split("(")[1] for line in text.splitlines() if "(" in line]
    assert marks == ["inlined)", "perhaps of an earlier call)"]


def test_a_recursion_is_shown_once() -> None:
    """Frames that repeat, and those that were never written, are counted and not printed."""
    frames = [frame("f", number=n) for n in range(64)] + [frame("f", number=n) for n in range(1000, 1010)]
    text = render([stack(*frames, frame("main", number=1010))])
    assert text.splitlines()[2:] == ["  and 1009 frames more of the same", "  #1010 main  /k/fs/a.c:1"]


def test_mutual_recursion_has_a_gap() -> None:
    """Frames that the program left out are counted."""
    frames = [frame("fg"[n % 2], number=n) for n in range(4)] + [frame("fg"[n % 2], number=n) for n in range(100, 104)]
    assert "  96 frames are left out" in render([stack(*frames)])


def test_threads_with_one_stack_are_shown_once() -> None:
    """In a hang the first thread comes first, those that are awake next, and equal stacks are one."""
    stacks = [
        stack(frame("schedule"), frame("pipe_read"), tid=1, signal=HANG_SIGNAL),
        *(stack(frame("schedule"), frame("kjournald2"), tid=tid, signal=HANG_SIGNAL) for tid in (2, 3)),
        stack(frame("spin"), tid=4, signal=HANG_SIGNAL),
    ]
    headings = [line for line in render(stacks).splitlines() if line.endswith(":")]
    assert headings == ["thread 1, asleep:", "thread 4:", "2 threads (2, 3), asleep:"]


@pytest.mark.parametrize("wait", ["sem_down", "lkl_sem_down"])
def test_a_thread_that_waits_for_the_cpu_does_not_have_it(wait: str) -> None:
    """The host's semaphore, which UML's library mode calls by another name, is where threads sleep."""
    text = render([stack(frame(wait), frame("lkl_cpu_get"), frame("lkl_syscall"), tid=1, signal=HANG_SIGNAL)])
    assert "thread 1, asleep:" in text
    assert "no thread has the kernel's CPU: all of them wait" in text
    assert wait not in text


def test_the_idle_thread_of_a_library_mode_has_the_cpu() -> None:
    """UML's idle thread keeps the kernel's CPU while it sleeps: it is shown where a call waits for the CPU."""
    waits = stack(frame("lkl_sem_down"), frame("lkl_cpu_get"), frame("lkl_syscall"), tid=1, signal=HANG_SIGNAL)
    names = ("__clock_nanosleep", "os_idle_sleep", "um_idle_sleep", "arch_cpu_idle", "do_idle")
    idle = stack(*map(frame, names), tid=2, signal=HANG_SIGNAL)
    worker = stack(frame("schedule"), frame("flush"), tid=3, signal=HANG_SIGNAL)
    text = render([waits, worker, idle])
    headings = [line for line in text.splitlines() if line.endswith(":")]
    assert headings == ["thread 1, asleep:", "thread 2, asleep, has the kernel's CPU:", "thread 3, asleep:"]
    assert "clock_nanosleep" not in text
    assert "idle threads" not in text
    likeness = alike.of("a kernel", f"killed in the point 'getpid'\n\n{text}")
    assert likeness.line == "a hang in os_idle_sleep, called by um_idle_sleep"
    assert "idle threads: do_idle 1" in render([idle])
    host = tuple(replace(one, file="/k/tools/um/uml/time.c") for one in idle.frames[:2])
    kernel = tuple(replace(one, file="/k/arch/um/kernel/process.c") for one in idle.frames[2:])
    assert signature(replace(idle, frames=host + kernel))[0] == "um_idle_sleep"


def test_idle_threads_are_counted() -> None:
    """Workers without work are not worth a stack; one that hangs in its work is."""
    idle = (frame("schedule"), frame("worker_thread"), frame("kthread"))
    busy = (frame("schedule"), frame("flush"), *idle[1:])
    timer = stack(frame("__sigtimedwait"), frame("timer_helper_thread"), tid=4, signal=HANG_SIGNAL)
    sleepers = (stack(*idle, tid=tid, signal=HANG_SIGNAL) for tid in (2, 3))
    text = render([stack(*busy, tid=1, signal=HANG_SIGNAL), *sleepers, timer])
    assert "flush" in text
    assert text.endswith("\nidle threads: worker_thread 2, timer_helper_thread 1\n")


def test_a_signature_passes_over_what_says_nothing() -> None:
    """Copies, sanitizers, panic and headers are passed over; parts of a function count as the function."""
    frames = [
        frame("__asan_memcpy"), frame("kasan_report"), frame("copy_to_user", "/k/include/linux/uaccess.h"),
        frame("ext4_fill_super.constprop.0.part.3"), frame("ext4_fill_super"), frame("mount_bdev"),
        frame("lkl_syscall", "/k/arch/lkl/kernel/syscalls.c"), frame("main", "/home/me/disk.c"),
    ]
    assert signature(stack(*frames)) == ("ext4_fill_super", "mount_bdev")
    assert signature(stack(*frames), depth=1) == ("ext4_fill_super",)


def test_a_signature_of_a_sleeper_is_what_it_sleeps_in() -> None:
    """The way down into the scheduler says nothing."""
    frames = [frame("__switch_to", "/k/arch/lkl/a.c"), frame("schedule"), frame("pipe_wait"), frame("pipe_read")]
    assert signature(stack(*frames, signal=HANG_SIGNAL)) == ("pipe_wait", "pipe_read")
    assert signature(stack(*frames), depth=1) == ("__switch_to",)


def test_a_signature_of_a_waiter_is_not_how_it_waits() -> None:
    """All that wait for a mutex differ by who asks for it; one in which nothing else is known keeps what there is."""
    frames = [frame("schedule"), frame("schedule_preempt_disabled"), frame("__mutex_lock"), frame("mutex_lock")]
    assert signature(stack(*frames, frame("inode_go"), ENTRY, signal=HANG_SIGNAL)) == ("inode_go",)
    waits = ("schedule_preempt_disabled", "__mutex_lock", "mutex_lock")
    assert signature(stack(*frames, ENTRY, signal=HANG_SIGNAL)) == waits


def test_the_kernel_is_blamed_for_what_is_in_it() -> None:
    """The function is that of the crash, or of the thread with the kernel's CPU; a program's own crash has none."""
    waits = stack(frame("schedule"), frame("mutex_lock"), frame("inode_go"), ENTRY, signal=HANG_SIGNAL)
    spins = stack(frame("cpu_relax"), frame("spin_on"), ENTRY, tid=2, signal=HANG_SIGNAL)
    assert blamed([waits]) == ("inode_go",)
    assert blamed([waits, spins]) == ("spin_on",)
    assert blamed([waits, stack(frame("memcpy"), frame("inode_copy"), ENTRY)]) == ("inode_copy",)
    assert blamed([stack(frame("parse", "/home/me/a.c"))]) == ()
    assert blamed([]) == ()


def test_a_tree_that_was_copied_is_one_kernel(tmp_path: Path) -> None:
    """Objects of the tree that was copied keep its paths: those of both are the kernel's."""
    for name in ("Kbuild", "MAINTAINERS"):
        (tmp_path / name).touch()
    (tmp_path / "fs").mkdir()
    changed = frame("inode_go", f"{tmp_path}/fs/inode.c")
    abort, entry = frame("lkltest_abort", "/home/me/kernel.h"), frame("do_mount", "/k/fs/namespace.c")
    assert signature(stack(abort, frame("panic"), changed, entry, ENTRY)) == ("inode_go", "do_mount")
    assert "fs/inode.c:1" in render([stack(changed, entry, ENTRY)]).replace(str(tmp_path), "")
    assert blamed([stack(abort, changed, ENTRY)]) == ("inode_go",)


def test_a_program_without_a_kernel_has_a_signature() -> None:
    """Without a frame of the kernel those of the program are taken; without any, nothing."""
    assert signature(stack(frame("memcpy", "", 0), frame("parse", "/home/me/a.c"))) == ("parse",)
    assert signature(stack()) == ()


def test_addr2lines_output_is_read() -> None:
    """Inlined functions, discriminators and unknown places are understood."""
    text = "0x10\ncopy\n/k/./include/a.h:5\nread\n/k/fs/a.c:7 (discriminator 3)\n0x20\n??\n??:0\n0x30\n_start\n??:?\n"
    assert addresses.parse_addr2line(text) == {
        0x10: (addresses.Location("copy", "/k/./include/a.h", 5), addresses.Location("read", "/k/fs/a.c", 7)),
        0x20: (addresses.Location(""),),
        0x30: (addresses.Location("_start"),),
    }


def test_a_file_that_is_no_executable_tells_nothing(tmp_path: Path) -> None:
    """A mapped file that was replaced by something else is no error."""
    file = tmp_path / "prögram"
    file.write_text("not ELF")
    text = REPORT.replace(b"/no where/pr\xc3\xb6gram (deleted)", bytes(file))
    assert "prögram+0x" in explain(text)


def test_the_program_is_found_where_it_is() -> None:
    """An executable that the process saw under another path is taken from where it is."""
    import sys

    interpreter = Path(sys.executable).resolve()
    elsewhere = f"/not/here/{interpreter.name}".encode()
    segment = next(s for s in addresses.segments(str(interpreter)) if s.offset)
    place = f"{segment.offset & ~0xFFF:08x}".encode()
    text = REPORT.replace(b"/no where/pr\xc3\xb6gram (deleted)", elsewhere).replace(b"r-xp 00001000", b"r-xp " + place)
    (seen,) = symbolize(replace(parse(text)[0], maps=()))
    assert seen.frames[0].module == ""
    assert interpreter.name in explain(text, interpreter)
