"""Failures with one cause: what makes them alike, and what the summary of a session shows of them."""

from __future__ import annotations

import re

import pytest

from lkltest.plugin import alike
from tests.plugin.conftest import Pytest

CRASH = """the program was killed by SIGSEGV in the point 'POINT'
7 of 9 points have no result, first 'POINT'

SIGSEGV at address 0x2c5e000 in thread 29870:
  #0  __memcpy_avx_unaligned_erms     string/memmove.S:265
  #1  do_rw                           tools/lkl/lib/posix-host.c:381 (inlined)
  #1  blk_request                     tools/lkl/lib/posix-host.c:411
  #2  CALLER                          tools/lkl/lib/virtio.c:1
  #3  FURTHER                         tools/lkl/lib/virtio.c:2


last lines of the console:
[    0.000000] booted
artifacts: /tmp/somewhere"""


def key(text: str) -> str:
    """The key of a failure with this text, which is equal for those that are alike."""
    return alike.of("a kernel", text).key


def crash(point: str, caller: str = "virtio_process_queue", further: str = "virtio_write") -> str:
    """The text of a crash in a point."""
    return CRASH.replace("POINT", point).replace("CALLER", caller).replace("FURTHER", further)


def test_crashes_at_one_place_are_alike() -> None:
    """The innermost functions decide, whatever the point, the test and the functions further out."""
    other = crash("promises", further="elsewhere")
    assert key(crash("mount_dev")) == key(f"ext3, power cut after flush 3 of 9:\n{other}")
    assert key(crash("mount_dev")) != key(crash("mount_dev").replace("do_rw", "another"))
    assert key(crash("mount_dev")) != key(crash("mount_dev").replace("SIGSEGV", "SIGBUS"))
    assert alike.of("a kernel", crash("p")).line == (
        "SIGSEGV in do_rw, called by blk_request, called by virtio_process_queue"
    )


def test_functions_that_report_do_not_make_crashes_alike() -> None:
    """Functions that copy, and those that report for KASAN, are passed over: a crash is where they were called."""
    text = "SIGABRT in thread 1:\n" + "".join(f"  #{n} {name}  x.c:{n}\n" for n, name in enumerate((
        "gsignal", "panic", "kasan_report.part.1", "__asan_report_load4_noabort", "strlen", "PLACE.isra.0", "SyS_open",
        "lkl_syscall", "lkl_sys_open", "point_p0",
    )))  # fmt: skip
    line = alike.of("a kernel", text.replace("PLACE", "getname")).line
    assert line == "SIGABRT in getname, called by SyS_open"
    assert key(text.replace("PLACE", "getname")) != key(text.replace("PLACE", "vfs_open"))
    assert key(text) == key(text.replace("point_p0", "point_p1"))


def test_panics_of_different_functions_are_not_alike(suite: Pytest) -> None:
    """Of panics those are alike that one function has caused, and each is still counted."""
    result = suite("panics_alike", "--lkl-restarts=9")
    result.assert_outcomes(failed=7)
    text = result.stdout.str()
    titles = re.findall(r"^the same failure: (.*)", text, re.MULTILINE)
    assert titles == ["SIGABRT in finds_one", "SIGABRT in finds_another"]
    told = text[text.index("= alike =") :]
    assert re.findall(r"^  (\d+) items of the kernel", told, re.MULTILINE) == ["2", "2"]


HANG = """killed in the point 'POINT': the point's timeout of 1 s has passed (made 9.3 times as long)

thread 27798 (program), asleep:
  #1 __futex_abstimed_wait_common  libc.so.6
  #2 sem_wait               libc.so.6
  #3 lkl_cpu_get            arch/um/lkl/um/cpu.c:130
  #4 lkl_syscall            arch/um/lkl/um/syscalls.c:109
  #5 CALL                   tools/um/include/lkl/asm/syscall_defs.h:455 (inlined)
  #5 point_POINT            some.c:1

thread 27820HEADING:
  #6  _raw_spin_lock      kernel/locking/spinlock.c:1
  #7  BUSY                drivers/base/devtmpfs.c:408
  #8  devtmpfsd           drivers/base/devtmpfs.c:409
"""


def hang(point: str, call: str, busy: str = "devtmpfs_work_loop", heading: str = " (kdevtmpfs)" + alike.HOLDS) -> str:
    """The text of a hang in a point, in which another thread has the kernel's CPU."""
    told = {"POINT": point, "CALL": call, "BUSY": busy, "HEADING": heading}
    return re.sub("|".join(told), lambda found: told[found[0]], HANG)


def test_hangs_for_one_thread_are_alike() -> None:
    """The thread that has the kernel's CPU decides, and not the call that waits for it."""
    text = hang("groups", "lkl_sys_getgroups")
    assert key(text) == key(hang("gettid", "lkl_sys_gettid").replace("9.3", "20.0"))
    assert key(text) == key(hang("gettid", "lkl_sys_gettid", heading=alike.HOLDS))
    assert key(text) != key(hang("groups", "lkl_sys_getgroups", "another_loop"))
    assert alike.of("a kernel", text).title == "alike: a hang in devtmpfs_work_loop, called by devtmpfsd"


def test_hangs_in_different_calls_are_not_alike() -> None:
    """If no thread has the kernel's CPU, the caller decides, without the functions in which any thread waits."""
    text = hang("groups", "lkl_sys_getgroups", heading=" (kdevtmpfs), asleep")
    assert key(text) == key(hang("other", "lkl_sys_getgroups", heading=", asleep"))
    assert key(text) != key(hang("groups", "lkl_sys_gettid", heading=", asleep"))
    assert alike.of("a kernel", text).title == "alike: a hang in lkl_sys_getgroups"
    stack = "__mutex_lock_slowpath  a.c:1\n  #3 mutex_lock  a.c:2\n  #3 LOCKS  b.c:3\n  #4 SyS_x "
    deadlock = text.replace("lkl_cpu_get ", stack)
    assert alike.of("a kernel", deadlock.replace("LOCKS", "one")).line == "a hang in one, called by SyS_x"
    assert key(deadlock.replace("LOCKS", "one")) != key(deadlock.replace("LOCKS", "two"))


def test_failures_of_one_check_are_alike() -> None:
    """Numbers and letters of disks do not count; the check, its place and the error do."""
    text = "disk.c:72: vda has 0 sectors, not 12: no\n  expected: 12\n  actual: -2 (No such file)\n\nby hand: /a/x"
    assert key(text) == key(text.replace("vda", "vdc").replace("12", "4711").replace("/a/", "/b/"))
    for other in ("disk.c:73", "file.c:72"):
        assert key(text) != key(text.replace("disk.c:72", other))
    assert key(text) != key(text.replace("No such file", "I/O error"))
    assert key(text) != key(text.replace("sectors", "bytes"))


@pytest.mark.parametrize(("selected", "shown"), [("p0 or p1 or other", 2), ("alike", 1)])
def test_many_failures_that_are_alike_have_one_paragraph(suite: Pytest, selected: str, shown: int) -> None:
    """Of many the first is told in full, and each is still counted; a few are shown one by one, as are others."""
    result = suite("alike", "-k", selected)
    text = result.stdout.str()
    assert len(re.findall(r"^_+ alike\.p\d\[", text, re.MULTILINE)) == shown
    assert len(re.findall(r"^_+ alike\.other\[", text, re.MULTILINE)) == 1
    assert ("= alike =" in text) is (shown == 1)
    if shown == 1:
        result.assert_outcomes(passed=1, failed=5)
        title, items, first, last, told = text[text.index("= alike =") :].splitlines()[1:6]
        assert re.fullmatch(r"the same failure: \S*alike\.c:6: n == -1", title)
        assert re.fullmatch(r"  3 items of the kernel \S+, first and last:", items)
        assert ("::p1[" in first, "::p3[" in last) == (True, True)
        assert "told in full above, in test_suite.py::alike::p0[" in told
