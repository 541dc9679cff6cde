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


last lines of the console:
[    0.000000] booted
artifacts: /tmp/somewhere"""


def key(text: str) -> str:
    """The key of a failure with this text, which is equal for those that are alike."""
    return alike.of("a kernel", text).key


def crash(point: str, caller: str = "virtio_process_queue") -> str:
    """The text of a crash in a point."""
    return CRASH.replace("POINT", point).replace("CALLER", caller)


def test_crashes_at_one_place_are_alike() -> None:
    """The innermost functions decide, whatever the point, the test and the functions further out."""
    assert key(crash("mount_dev")) == key("ext3, power cut after flush 3 of 9:\n" + crash("promises", "elsewhere"))
    assert key(crash("mount_dev")) != key(crash("mount_dev").replace("do_rw", "another"))
    assert key(crash("mount_dev")) != key(crash("mount_dev").replace("SIGSEGV", "SIGBUS"))
    assert alike.of("a kernel", crash("p")).line == (
        "SIGSEGV in __memcpy_avx_unaligned_erms, called by do_rw, called by blk_request"
    )


HANG = """killed in the point 'POINT': the point's timeout of 1 s has passed (made 9.3 times as long)

thread 27798 (program), asleep:
  #3 lkl_cpu_get            arch/um/lkl/um/cpu.c:130
  #4 lkl_syscall            arch/um/lkl/um/syscalls.c:109
  #5 CALL                   tools/um/include/lkl/asm/syscall_defs.h:455 (inlined)

thread 27820 (program), asleep:
  #7  devtmpfs_work_loop  drivers/base/devtmpfs.c:408
"""


def test_hangs_at_one_place_are_alike() -> None:
    """The innermost functions of the program's own thread decide, and not the call that it has made."""
    hang = HANG.replace("POINT", "groups").replace("CALL", "lkl_sys_getgroups")
    assert key(hang) == key(HANG.replace("POINT", "gettid").replace("CALL", "lkl_sys_gettid").replace("9.3", "20.0"))
    assert key(hang) != key(hang.replace("lkl_cpu_get ", "mutex_lock"))
    assert alike.of("a kernel", hang).line == "a hang in lkl_cpu_get, called by lkl_syscall"


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
