"""The watch on the kernel's console, by lines that are planted through /dev/kmsg."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkltest.host import process
from lkltest.program.complaint import with_stack
from lkltest.program.results import Result, State
from tests.harness.stream import BOOT, Build, Run, failed, run_planted


@pytest.mark.parametrize("cmdline", ["", "quiet", "loglevel=0"])
def test_a_clean_boot_complains_of_nothing(run: Run, cmdline: str) -> None:
    """The lines of a clean boot, its harmless warnings among them, fail no point."""
    output = run("plant", f"--cmdline={cmdline}")
    assert (output.status, failed(output), output.comments) == (0, [], [])
    assert "unable to open an initial console" in output.points["start_kernel"].block["log"]


def test_the_boot_program_passes(run: Run) -> None:
    """Every point of the boot program is ok."""
    output = run(BOOT)
    assert (output.status, failed(output)) == (0, [])
    assert output.points["uname"].block["properties"]["kernel_release"]
    assert output.points["start_kernel"].block["properties"]["boot_us"] > 0
    assert output.points["syscall_latency"].block["properties"]["latency_ns"] > 0


@pytest.mark.parametrize("cmdline", ["", "quiet", "loglevel=0"])
@pytest.mark.parametrize(("plant", "blamed"), [("within", "first"), ("between", "third")])
def test_a_complaint_fails_its_point(
    program: Build, plant: str, blamed: str, cmdline: str
) -> None:
    """A complaint fails the point during which it came, or, between two, the next one, and names it."""
    argv: list[str | Path] = [program("plant"), f"plant={plant}", "line=<4>WARNING: planted", f"--cmdline={cmdline}"]
    output = run_planted(argv)
    assert failed(output) == [blamed]
    assert output.status == 1
    block = output.points[blamed].block
    assert block["check"] == "the console is clean"
    assert "WARNING: planted" in block["actual"]
    assert ("after second had ended" in block["actual"]) == (plant == "between")
    assert "WARNING: planted" in block["log"]


@pytest.mark.parametrize("plant", ["last", "after"])
@pytest.mark.parametrize("cmdline", ["", "quiet"])
def test_a_complaint_after_the_last_point_fails_the_end(
    program: Build, plant: str, cmdline: str
) -> None:
    """A complaint after the last point shows in a comment, and in an exit status of its own."""
    argv: list[str | Path] = [program("plant"), f"plant={plant}", "line=<4>WARNING: planted", f"--cmdline={cmdline}"]
    output = run_planted(argv)
    assert failed(output) == []
    assert output.status == 6
    assert len(output.comments) == 1
    assert re.fullmatch(r"console: .*WARNING: planted \(after fourth had ended\)", output.comments[0])


@pytest.mark.parametrize("level", range(8))
def test_a_complaint_counts_at_any_level(run: Run, level: int) -> None:
    """No loglevel, of the line or of the console, hides a complaint."""
    output = run("plant", "plant=within", f"line=<{level}>BUG: planted", "--cmdline=loglevel=0")
    assert failed(output) == ["first"]


@pytest.mark.parametrize("flags", [(), ("-DSTOPS",)], ids=["running", "stopped"])
def test_an_unfinished_line_is_not_lost(run: Run, flags: tuple[str, ...]) -> None:
    """A line without a newline counts, though some kernels print it with the next one only."""
    output = run("plant", "plant=within", "line=<4>Oops: planted", "unfinished=1", flags=flags)
    assert output.status in (1, 6)
    assert failed(output) or output.comments


def test_an_expected_complaint_passes(run: Run) -> None:
    """A point that provokes the kernel may say so."""
    output = run("plant", "plant=expected", "line=<4>WARNING: planted")
    assert (output.status, failed(output)) == (0, [])


@pytest.mark.parametrize("plant", ["within", "expected"])
def test_a_stack_belongs_to_its_complaint(run: Run, plant: str) -> None:
    """A stack behind a complaint is no complaint of its own: it is told, or excused, with the one before it."""
    output = run("plant", f"plant={plant}", "line=<4>WARNING: planted\nModules linked in:\nCall Trace:")
    assert failed(output) == (["first"] if plant == "within" else [])
    for point in output.points.values():
        assert "failures" not in point.block
        assert plant != "within" or point.ok or "WARNING: planted" in point.block["actual"]


REPORT = "------------[ cut here ]------------\n{}\nCPU: 0 PID: 1 Comm: init\n---[ end trace 0000000000000000 ]---"
PARTS = ("WARNING: CPU: 0 PID: 1 at lib/refcount.c:25 f+0x1/0x2", "refcount_t: addition on 0; use-after-free.")


@pytest.mark.parametrize("parts", [PARTS, PARTS[::-1]], ids=["message last", "message first"])
def test_a_report_is_one_complaint(run: Run, parts: tuple[str, str]) -> None:
    """A warning and its message are told once, in whichever order the architecture prints them."""
    output = run("plant", "plant=within", "line=<4>" + REPORT.format("\n".join(parts)))
    assert "failures" not in output.points["first"].block
    assert parts[0] in output.points["first"].block["actual"]


@pytest.mark.parametrize("second", ["BUG: another", "Kernel panic - not syncing: another"])
def test_a_grave_complaint_is_no_part_of_a_report(run: Run, second: str) -> None:
    """A BUG or a panic counts within a report that was expected, and any complaint does behind its end."""
    expected = ["plant", "plant=expected"]
    assert failed(run(*expected, "line=<4>" + REPORT.format(f"WARNING: planted\n{second}")))
    assert failed(run(*expected, "line=<4>" + REPORT.format("WARNING: planted") + "\nrefcount_t: underflow"))
    assert not failed(run(*expected, "line=<4>" + REPORT.format("WARNING: planted\nrefcount_t: underflow")))


def test_a_stack_without_a_complaint_counts(run: Run) -> None:
    """A stack that nothing came before is a complaint."""
    assert failed(run("plant", "plant=within", "line=<4>Call Trace:")) == ["first"]


def test_a_complaint_has_its_stack(program: Build) -> None:
    """The point's failure shows the place in the kernel that complains, with names, and its log no raw addresses."""
    plant = program("plant")
    output = run_planted([plant, "plant=within", "line=<4>WARNING: planted\nWARNING: another"])
    log = output.points["first"].block["log"]
    assert log.count("SIGWARN") == 1
    told = with_stack(Result("first", State.FAILED, "why", log=log), plant)
    assert re.match(r"why\n\nThe complaint comes from:\n  #0 devkmsg_write +\S+printk\.c:\d+\n", told.message)
    assert re.search(r"#\d+ point_first +\S*plant\.c:\d+", told.message)
    assert "WARNING: planted" in told.log
    assert "lkltest: " not in told.log


COMPLAINTS = """
WARNING: CPU: 0 PID: 1 at kernel/fork.c:12 copy_process+0x12/0x34
WARNING: possible circular locking dependency detected
BUG: KASAN: slab-out-of-bounds in foo+0x10/0x20
KASAN: null-ptr-deref in range [0x0000000000000000-0x0000000000000007]
BUG: unable to handle kernel NULL pointer dereference at 0000000000000010
BUG: sleeping function called from invalid context at mm/slab.h:393
BUG: scheduling while atomic: swapper/1/0x00000002
kernel BUG at fs/inode.c:123!
Unable to handle kernel paging request at virtual address dead000000000100
Oops: 0002 [#1]
Internal error: Oops - BUG: 0 [#1] ARM
Call Trace:
Call trace:
UBSAN: Undefined behaviour in lib/foo.c:12:3
UBSAN: shift-out-of-bounds in lib/foo.c:12:3
general protection fault: 0000 [#1] SMP
Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b
---[ end Kernel panic - not syncing: VFS: Unable to mount root fs
INFO: possible recursive locking detected
[ INFO: suspicious RCU usage. ]
INFO: task kworker/0:1:12 blocked for more than 120 seconds.
INFO: rcu_sched self-detected stall on CPU
rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
INFO: inconsistent lock state
INFO: lockdep is turned off.
watchdog: BUG: soft lockup - CPU#0 stuck for 22s!
stack-protector: Kernel stack is corrupted in: foo+0x10
Kernel panic - not syncing: stack-protector: Kernel stack is corrupted
refcount_t: underflow; use-after-free.
list_add corruption. prev->next should be next
double fault: 0000 [#1]
irq 5: nobody cared (try booting with the "irqpoll" option)
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
    BUG: indented, yet in no list
INFO: trying to register non-static key.
BUG: the parser of the command line overran its buffer
""".strip().splitlines()

HARMLESS = """
Warning: unable to open an initial console.
KASAN_SHADOW_START:  0x7fe4ed26e010
kasan: KernelAddressSanitizer initialized
virtio_blk: no status buf
Kernel command line: panic=1 WARNING BUG Oops
Unknown kernel command line parameters "BUG Oops", will be passed to user space.
debug: ignoring loglevel setting.
DEBUG: nothing
CONFIG_BUG is set
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
... MAX_LOCKDEP_SUBCLASSES:  8
EXT4-fs (vda): mounted filesystem with ordered data mode. Opts: (null)
EXT4-fs warning (device vda): ext4_clear_journal_err:1234: Marking fs in need of filesystem check.
This architecture does not have kernel memory protection.
rcu: 	RCU lockdep checking is enabled.
kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)
kmemleak: Automatic memory scanning thread started
Run /init as init process
  with arguments:
    /init
    "line=WARNING: BUG: Oops"
  with environment:
    word=KASAN
""".strip().splitlines()


def test_complaints_are_told_from_chatter(program: Build) -> None:
    """The lines that kernels print when something is wrong are complaints; their usual lines are none."""
    lines = [prefix + line for prefix in ("", "[    0.012345] ", "<4>[   12.3][    T1] ") for line in COMPLAINTS]
    chatter = [prefix + line for prefix in ("", "[    0.012345] ") for line in HARMLESS]
    text = "\n".join([*lines, *chatter]) + "\n"
    answers = process.run([program("complains")], stdin=text.encode(), timeout=60).output.decode().split()
    wrong = [
        line for line, answer, wanted in
        zip([*lines, *chatter], answers, ["yes"] * len(lines) + ["no"] * len(chatter), strict=True)
        if answer != wanted
    ]
    assert wrong == []
