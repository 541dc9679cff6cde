from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from lkltest.errors import KernelLost
from lkltest.fuzz.exec import native
from lkltest.fuzz.exec.feedback import Feedback
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit
from lkltest.fuzz.exec.protocol import Alarm, State
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Pointer, Program, Text
from lkltest.fuzz.repro.report import name_of_hang
from lkltest.fuzz.repro.runner import Runner
from lkltest.liblkl import Liblkl, binary
from lkltest.settings import Settings
from tests.fuzz.conftest import Planted

Parse = Callable[[str], Program]


def test_results_of_every_call_come_back(runner: Runner, parse: Parse) -> None:
    """A program reads back what it wrote, and the pipe's two ends are results of their own."""
    result = runner.run([parse(
        'r0 = openat(AT_FDCWD, "f1", O_RDWR|O_CREAT, 0644)\n'
        'write(r0, &b"hello", 5)\n'
        "pread64(r0, &out(9), 9, 1)\n"
        "r1, r2 = pipe2(&out(8), 0)\n"
        'write(r2, &b"abc", 3)\n'
        "read(r1, &out(3), 3)\n"
        "close(77)\n"
    )])
    assert result.report is None
    assert result.returned == (0, 5, 4, 0, 3, 3, -9)


def test_programs_do_not_see_each_other(runner: Runner, parse: Parse) -> None:
    """Descriptors, files, umask, directory, limits and credentials are gone with the program."""
    first = parse(
        'r0 = openat(AT_FDCWD, "f1", O_RDWR|O_CREAT, 0644)\nmkdirat(AT_FDCWD, "d0", 0755)\nchdir("d0")\numask(0777)\n'
        "setrlimit(7, &rlimit{rlim_cur=1, rlim_max=1})\nsetuid(1000)\n"
    )
    second = parse('close(0)\nfaccessat(AT_FDCWD, "f1", 0)\numask(0)\ngetuid()\nr0 = dup2(0, 5)\n'
                   'r1 = openat(AT_FDCWD, "f2", O_CREAT, 0644)\nr2 = dup(r1)\n')
    result = runner.run([first, second])
    assert result.report is None
    assert result.returned[6:] == (-9, -2, 0o22, 0, -9, 0, 1)


@pytest.mark.parametrize("changed", ["munmap(r1, 0x1000)", "mremap(r1, 0x4000, 0x2000, 0, 0)"])
@pytest.mark.parametrize("flags", ["34", "2"])
def test_mappings_end_with_their_program(runner: Runner, parse: Parse, flags: str, changed: str) -> None:
    """Mappings end with their program, also those of which it took a part away: all share one address space."""
    program = parse(
        'r0 = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)\nftruncate(r0, 0x4000)\n'
        f"r1 = mmap_pgoff(0, 0x4000, 3, {flags}, r0, 0)\n{changed}\n"
    )
    maps = parse('r0 = openat(AT_FDCWD, "/proc/self/maps", 0, 0)\nread(r0, &out(500), 500)\n')
    result = runner.run([program, maps])
    assert result.report is None
    assert result.returned[2] > 0
    assert result.returned[-1] == 0


def test_ports_are_of_the_program_alone(runner: Runner, parse: Parse) -> None:
    """A connection of an earlier program without SO_REUSEADDR keeps no later program from its port."""
    program = parse(
        "r0 = socket(AF_INET, SOCK_STREAM, 0)\nbind(r0, &sockaddr_in{sin_family=AF_INET, sin_port=port(0)}, 16)\n"
        "listen(r0, 5)\nr1 = socket(AF_INET, SOCK_STREAM, 0)\nbind(r1, &sockaddr_in{sin_family=AF_INET, "
        "sin_port=port(1)}, 16)\nconnect(r1, &sockaddr_in{sin_family=AF_INET, sin_port=port(0)}, 16)\n"
        "r2 = accept4(r0, 0, 0, 0)\nclose(r2)\nclose(r1)\n"
    )
    result = runner.run([program] * 3)
    assert result.report is None
    assert result.returned == (0, 0, 0, 1, 0, 0, 2, 0, 0) * 3


def test_a_socket_takes_no_number_for_an_address(runner: Runner, parse: Parse) -> None:
    """A terminal's descriptor may be a socket's by now, which takes the terminal's number for an address."""
    result = runner.run([parse(
        'r0 = openat(AT_FDCWD, "/dev/ptmx", O_RDWR|O_NONBLOCK|O_NOCTTY, 0)\nioctl(r0, TCFLSH, 2)\nclose(r0)\n'
        "r1 = socket(AF_INET, SOCK_DGRAM, 0)\nioctl(r0, TCFLSH, 2)\nioctl(r0, TIOCSPGRP, 0)\n"
        "ioctl(r0, SIOCGIFMTU, &[ifreq{ifr_ifrn=b\"lo\\x00\"}, fill(472, 0)])\n"
    )])
    assert result.report is None
    assert result.returned == (0, 0, 0, 0, -25, -25, 0)


def test_an_option_is_never_nothing(description: Description) -> None:
    """An IPv6 raw socket reads a number even with length 0: options are never a null pointer, which LKL would read."""
    for key, variant in description.variants.items():
        if variant.signature.name == "setsockopt":
            for seed in range(20):
                value = description.draw(key, Random(seed)).args[3]
                assert isinstance(value, (Pointer, Text)), key


def test_a_call_that_blocks_is_interrupted(runner: Runner, parse: Parse) -> None:
    """A read of an empty pipe costs milliseconds, and neither fails nor disturbs what follows."""
    program = parse("r0, r1 = pipe2(&out(8), 0)\nread(r0, &out(1), 1)\nread(r0, &out(1), 1)\n"
                    "nanosleep(&timespec{tv_nsec=1}, 0)\n")
    result = runner.run([program])
    assert result.report is None
    assert result.returned == (0, -512, -512, 0)


def test_an_interruption_is_over_with_its_call(planted: Planted, parse: Parse) -> None:
    """However slow the machine is, no signal of ours is left to interrupt a later call, which would be blamed."""
    program = parse("r0, r1 = pipe2(&out(8), 0)\nread(r0, &out(1), 1)\nread(r0, &out(1), 1)\nread(r0, &out(1), 1)\n")
    with Runner(replace(planted.config, env={"PLANTED": "slow"}), planted.description) as runner:
        result = runner.run([program, program])
    assert result.report is None
    assert result.returned == (0, -512, -512, -512) * 2


def test_no_call_blocks_the_interruption(runner: Runner, parse: Parse) -> None:
    """A set of all signals, which a mutation may make, keeps neither the call that takes it nor a later one asleep."""
    everything = "&u64[-1], 8"
    result = runner.run([
        parse(f"rt_sigsuspend({everything})\nppoll(0, 0, 0, {everything})\nr0 = epoll_create1(0)\n"
              f"epoll_pwait(r0, &out(12), 1, -1, {everything})\n"),
        parse("rt_sigprocmask(0, &u64[-1], 0, 8)\nr0, r1 = pipe2(&out(8), 0)\nread(r0, &out(1), 1)\n"),
        parse("ppoll(0, 0, 0, &b\"\", 0)\nrt_sigsuspend(0, 4)\n"),
    ])
    assert result.report is None
    assert result.returned == (-514, -514, 0, -4, 0, 0, -512, -22, -22)


def test_no_task_waits_for_more_runtime(runner: Runner, parse: Parse) -> None:
    """One of SCHED_DEADLINE that has used it up would wait for years, and LKL might lose its CPU; idle ones end."""
    forever = "&sched_attr{size=48, sched_policy=6, sched_runtime=0x800, sched_deadline=%d, sched_period=%d}"
    result = runner.run([
        parse(f"sched_setattr(0, {forever % (1 << 40, 1 << 40)}, 0)\nsched_getscheduler(0)\n"
              "r0, r1 = pipe2(&out(8), 0)\nread(r0, &out(1), 1)\nsched_yield()\n"),
        parse("sched_setattr(0, &u32[20], 0)\n"),
        parse("sched_setattr(0, &sched_attr{size=48, sched_policy=5}, 0)\nsched_getscheduler(0)\n"),
    ])
    assert result.report is None
    assert result.returned == (0, 0, 0, -512, 0, -7, 0, 5)


def test_an_interruption_leaves_no_mask_behind(runner: Runner, parse: Parse) -> None:
    """LKL never restores the mask of ppoll(): a blocked SIGPIPE would stay, and interrupt later calls."""
    program = parse(
        "r0, r1 = pipe2(&out(8), 0)\nclose(r0)\nppoll(0, 0, 0, &u64[0xffff], 8)\n"
        'write(r1, &b"x", 1)\nppoll(0, 0, &timespec{}, &u64[0], 8)\nppoll(0, 0, &timespec{}, 0, 8)\n'
    )
    result = runner.run([program, program])
    assert result.report is None
    assert result.returned == (0, 0, -514, -32, 0, 0) * 2


def test_a_signal_of_the_kernel_is_no_fault(planted: Planted, parse: Parse) -> None:
    """A signal that pends when a call asks to be restarted is the reason for it, and is taken away."""
    program = parse("r0, r1 = pipe2(&out(8), 0)\ngetcwd(&out(50), 50)\nread(r0, &out(1), 1)\n"
                    "ppoll(0, 0, &timespec{}, 0, 8)\n")
    with Runner(replace(planted.config, env={"PLANTED": "signal"}), planted.description) as runner:
        result = runner.run([program])
    assert result.report is None
    assert result.returned[2:] == (-512, 0)


def test_a_signal_is_of_its_program_alone(runner: Runner, parse: Parse) -> None:
    """A signal that a program sent to itself neither interrupts a later one, nor keeps it from being interrupted."""
    signals = parse("rt_sigaction(10, &sigaction{lkl_sa_handler=8}, 0, 8)\nkill(1, 10)\nr0, r1 = pipe2(&out(8), 0)\n"
                    "read(r0, &out(1), 1)\n")
    later = parse("setpriority(0, 0, 0)\nppoll(0, 0, &timespec{}, 0, 8)\nr0, r1 = pipe2(&out(8), 0)\n"
                  "read(r0, &out(1), 1)\n")
    result = runner.run([signals, later, signals, later])
    assert result.report is None
    assert result.returned == (0, 0, 0, -512, 0, 0, 0, -512) * 2


def test_a_signal_that_was_not_sent_is_sent_again(planted: Planted, parse: Parse) -> None:
    """If the kernel lacked the memory for the signal once, the call is still no hang."""
    with Runner(replace(planted.config, env={"PLANTED": "lost"}), planted.description) as runner:
        result = runner.run([parse("r0, r1 = pipe2(&out(8), 0)\nread(r0, &out(1), 1)\n")])
    assert result.report is None
    assert result.returned == (0, -512)


@pytest.mark.parametrize(("bug", "kind"), [("restart_syscall", None), ("restart", "errno")])
def test_a_call_may_pretend_that_a_signal_came(planted: Planted, parse: Parse, bug: str, kind: str | None) -> None:
    """restart_syscall() does where a lock is taken; nothing else that asks to be called again needs no signal."""
    with Runner(replace(planted.config, env={"PLANTED": bug}), planted.description) as runner:
        report = runner.run([parse("getcwd(&out(50), 50)\n")]).report
    assert (report.type if report else None) == kind


def test_no_call_keeps_signals_away(description: Description) -> None:
    """With a limit of 0 pending signals, a call that blocks could not be interrupted, and would look like a hang."""
    for call, argument in (("setrlimit", 0), ("prlimit64", 1)):
        drawn = {description.draw(call, Random(seed)).args[argument] for seed in range(300)}
        assert len(drawn) > 10
        assert description.headers.constants.get("RLIMIT_SIGPENDING", 11) not in drawn


def test_a_lack_of_memory_is_no_complaint(planted: Planted, parse: Parse) -> None:
    """The trace of a failed allocation is no complaint, in any thread; a trace of another thread is one."""
    program = "getcwd(&out(50), 50)\nr0, r1 = pipe2(&out(8), 0)\n" + "read(r0, &out(1), 1)\n" * 4
    with Runner(replace(planted.config, env={"PLANTED": "short"}), planted.description) as runner:
        assert runner.run([parse(program)]).report is None
        assert runner.kernel is not None
        assert runner.kernel.memory.console().endswith(b"order:0\nCall Trace:\n")
        report = runner.run([parse("getppid()\n")], fresh=False).report
    assert report is not None
    assert report.type == "console"


def test_what_blocks_is_not_kept(config: KernelConfig, description: Description, parse: Parse) -> None:
    """A program sees something new, but had to be interrupted: with its like, time would go into waiting."""
    quick, slow = parse("getpid()\n"), parse("r0, r1 = pipe2(&out(8), 0)\nread(r0, &out(1), 1)\n")
    with Kernel(config) as kernel:
        assert kernel.run(description.encode(slow) + description.encode(quick), 2) == 2
        head = kernel.memory.head()
        assert kernel.memory.novel(head.novel) == (1,)
        assert head.interrupted == 1


def test_a_crash_in_a_timer_has_a_report(planted: Planted, parse: Parse) -> None:
    """The C library blocks all signals in the threads of the kernel's timers; their crashes have a stack, each time."""
    program = parse("nanosleep(&timespec{tv_nsec=30000000}, 0)\n" * 20)
    with Runner(replace(planted.config, env={"PLANTED": "timer"}), planted.description) as runner:
        reports = [runner.run([program]).report for _ in range(10)]
    assert [report and report.signature[:2] for report in reports] == [("planted_crash", "planted_timer")] * 10


@pytest.mark.parametrize("known", [True, False])
def test_a_hang_that_is_known_is_recognized(planted: Planted, parse: Parse, known: bool) -> None:
    """The recognizer is asked once, and believed; the worker's stacks are those of the hang either way."""
    asked: list[str] = []

    def ask(stderr: bytes) -> bool:
        asked.append(name_of_hang(stderr))
        return known

    patient = replace(planted.config, stuck_after=300.0 if known else 1.0, env={"PLANTED": "hang"})
    with Kernel(patient) as kernel:
        kernel.start(planted.description.encode(parse("getcwd(&out(1), 1)\n")), 1)
        exited = kernel.finish(ask)
    assert isinstance(exited, WorkerExit)
    assert exited.hung
    (name,) = asked
    assert "planted_hang" in name
    assert name_of_hang(exited.stderr) == name


SLOW = "r0, r1 = pipe2(&out(8), 0)\n" + "read(r0, &out(1), 1)\n" * 5


def wait_for_return(kernel: Kernel) -> None:
    """Until the call that a kernel is in has returned."""
    before = kernel.memory.progress()
    while kernel.memory.progress() == before and kernel.memory.head().state == State.RUNNING:
        time.sleep(0.001)


def test_a_call_that_is_slow_is_no_hang(
    config: KernelConfig, description: Description, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that returns while its stacks are compared with those of a known hang is none."""
    asked = 0

    def ask(_stderr: bytes) -> bool:
        nonlocal asked
        asked += 1
        wait_for_return(kernel)
        return True

    monkeypatch.setattr("lkltest.fuzz.exec.hang.RECOGNIZE_AFTER", 0.0)
    monkeypatch.setattr("lkltest.fuzz.exec.kernel.GLANCE", 0.001)
    with Kernel(config) as kernel:
        kernel.start(description.encode(parse(SLOW)), 1)
        assert kernel.finish(ask) == 1
    assert asked > 0


def test_a_call_that_returned_after_all_is_no_hang(
    config: KernelConfig, description: Description, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that takes long, and returns while its stack is asked for, is no hang."""
    asked = 0

    def ask(kernel: Kernel) -> bytes:
        nonlocal asked
        asked += 1
        wait_for_return(kernel)
        return b""

    monkeypatch.setattr(Kernel, "_ask_for_stacks", ask)
    monkeypatch.setattr("lkltest.fuzz.exec.kernel.GLANCE", 0.001)
    with Kernel(replace(config, stuck_after=0.02)) as kernel:
        assert kernel.run(description.encode(parse(SLOW)), 1) == 1
    assert asked > 0


def test_what_crashes_slowly_does_not_hang(
    config: KernelConfig, description: Description, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has begun to report a crash may finish the report, however long that takes."""
    told: list[bool] = []

    def ask(kernel: Kernel) -> bytes:
        until = time.monotonic() + 60
        while b"lkltest: signal" not in kernel.errors() and time.monotonic() < until:
            pass
        kernel.child.signal(signal.SIGSTOP)  # a host that has no processor for it
        told.append(b"lkltest: end" in kernel.errors())
        return b""

    def collect(kernel: Kernel, *, hung: bool = False) -> WorkerExit:
        kernel.child.signal(signal.SIGCONT)
        return original(kernel, hung=hung)

    def answer(kernel: Kernel, timeout: float) -> int | None:
        return original_answer(kernel, timeout) if told else None  # never over before it was asked for its stacks

    original, original_answer = Kernel.collect, Kernel._answer
    monkeypatch.setattr(Kernel, "_ask_for_stacks", ask)
    monkeypatch.setattr(Kernel, "collect", collect)
    monkeypatch.setattr("lkltest.fuzz.exec.kernel.GLANCE", 0.0)
    with Kernel(replace(config, stuck_after=-1.0)) as kernel:
        monkeypatch.setattr(Kernel, "_answer", answer)
        exited = kernel.run(description.encode(parse("getrlimit(0, 8)\n")), 1)
        assert isinstance(exited, WorkerExit)
        assert told
        assert not exited.hung
        assert b"lkltest: end" in exited.stderr


def test_a_worker_has_the_nice_value_of_its_configuration(config: KernelConfig) -> None:
    """The nice value of the configuration is added to the parent's."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with Kernel(replace(config, nice=3)) as kernel:
        assert os.getpriority(os.PRIO_PROCESS, kernel.child.pid) == min(own + 3, 19)


def test_a_crash_names_its_program_and_call(config: KernelConfig, description: Description, parse: Parse) -> None:
    """A pointer that is not valid kills the kernel; where it stood is known, and why."""
    good, bad = parse("getpid()\n"), parse('getpid()\nr0 = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0)\nwrite(r0, 8, 5)\n')
    programs = [description.encode(p) for p in (good, good, bad, good)]
    with Kernel(config) as kernel:
        exited = kernel.run(b"".join(programs), 4)
        assert isinstance(exited, WorkerExit)
        assert (exited.head.program, exited.head.call) == (2, 2)
        assert b"lkltest: signal" in exited.stderr
    with Runner(config, description) as runner:
        report = runner.run([bad]).report
    assert report is not None
    assert report.type == "crash"
    assert "sys_write" in report.stack.lower() or "vfs_write" in report.stack


def test_a_buffer_ends_at_a_guard_page(config: KernelConfig, description: Description, parse: Parse) -> None:
    """A kernel that is given too great a length for a buffer is caught when it passes the buffer's end."""
    program = parse('r0 = openat(AT_FDCWD, "/dev/zero", O_RDWR, 0)\nread(r0, &out(100), 101)\n')
    with Runner(config, description) as runner:
        report = runner.run([program]).report
    assert report is not None
    assert report.type == "overrun"


def test_a_failure_that_is_no_errno_alarms(config: KernelConfig, description: Description, parse: Parse) -> None:
    """A success that the call's documentation excludes stops the batch at its program."""
    number = description.headers.calls["getpid"].number
    from lkltest.fuzz.lang.contract import Shape

    strict = replace(config, shapes={number: (Shape.ZERO, 0)})
    with Kernel(strict) as kernel:
        data = description.encode(parse("getuid()\n")) + description.encode(parse("getuid()\ngetpid()\n")) * 2
        assert kernel.run(data, 3) == 2
        head = kernel.memory.head()
    assert (head.alarm, head.alarm_program, head.alarm_call, head.alarm_value) == (Alarm.SHAPE, 1, 1, 1)


ADDRESS = 1 << 40  # no result is as large but for an address


def test_references_are_resolved_as_the_executor_does(config: KernelConfig, description: Description) -> None:
    """A program gives the same results after its references are resolved by them."""
    batch = Generator(description, 5, ("files", "pipes")).batch(40)
    with Kernel(config) as kernel:
        assert kernel.run(batch.data, 40) == 40
        returned = kernel.memory.results(0, kernel.memory.head().calls)
    programs = []
    for candidate in batch.programs:
        programs.append(candidate.program(returned[: len(candidate.calls)]))
        returned = returned[len(candidate.calls) :]
    with Kernel(config) as kernel:
        assert kernel.run(b"".join(map(description.encode, programs)), 40) == 40
        again = kernel.memory.results(0, kernel.memory.head().calls)
    with Kernel(config) as kernel:
        kernel.run(batch.data, 40)
        first = kernel.memory.results(0, len(again))
    # mmap() returns an address, which each kernel has at another place.
    assert [min(result, ADDRESS) for result in first] == [min(result, ADDRESS) for result in again]


def test_a_kernel_that_does_not_boot_is_told(config: KernelConfig) -> None:
    """The error says which kernel, how it ended, and what to try."""
    with pytest.raises(KernelLost, match="does not boot in a worker"):
        Kernel(replace(config, mem=1 << 20))


def test_a_kernel_that_does_not_boot_at_once_is_tried_again(
    config: KernelConfig, description: Description, parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that seldom fails to boot must not end a night's run."""
    tried: list[KernelConfig] = []

    class Reluctant(Kernel):
        def __init__(
            self, config: KernelConfig, memory: Memory | None = None, feedback: Feedback | None = None
        ) -> None:
            tried.append(config)
            if len(tried) == 1:
                raise KernelLost("not today")
            super().__init__(config, memory, feedback)

    monkeypatch.setattr("lkltest.fuzz.exec.kernel.Kernel", Reluctant)
    with Runner(config, description) as runner:
        assert runner.run([parse("getpid()\n")]).returned == (1,)
    assert len(tried) == 2


def test_the_executor_has_the_calls_that_a_library_misses(liblkl: Liblkl, settings: Settings) -> None:
    """A library whose own code makes calls of an option that is off finds them in the executor, and loads."""
    module = native.build(replace(liblkl, undefined=liblkl.undefined | {"lkl_sys_absent"}), settings)
    assert "lkl_sys_absent" in binary.read(module).defined
