"""C programs of findings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.fuzz import findings
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.lang.types import Choice
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Pointer, Program
from lkltest.fuzz.repro import csource
from lkltest.host import process
from lkltest.settings import Settings


def run_c(source: str, config: KernelConfig, settings: Settings, directory: Path) -> bytes:
    """Compile a C program and run it; all that it prints."""
    path, binary = directory / "it.c", directory / "it"
    path.write_text(source)
    assert process.run(findings.command(config.liblkl, settings, path, binary), timeout=100, merge=True).ok
    return process.run([binary], timeout=100, merge=True).output


def test_a_structure_is_shown_with_the_room_behind_it(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """An ioctl's argument is longer than its structure: a reader sees the structure, the kernel all of it."""
    program = parse('r0 = socket(AF_INET, SOCK_DGRAM, 0)\n'
                    'ioctl(r0, SIOCGIFMTU, &[ifreq{ifr_ifrn=[b"lo\\x00"]}, fill(472, 0)])\n')
    source = csource.write([program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="")
    assert re.search(r"struct \{ struct lkl_ifreq it; char rest1\[472\]; \} __attribute__\(\(packed.*\)\) b0;", source)
    ran = run_c(source, config, settings, tmp_path)
    assert re.search(r"lkl_sys_ioctl\(.*\) = 0\b", ran.decode(errors="replace"))


def test_a_message_is_shown_by_its_parts(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """Headers keep their fields' names and constants, in the text as in C; the kernel gets every byte where it was."""
    text = ('r0 = socket(AF_NETLINK, SOCK_RAW|SOCK_NONBLOCK, 0)\n'
            'sendto(r0, &[nlmsghdr{nlmsg_len=20, nlmsg_type=RTM_GETADDR, nlmsg_flags=NLM_F_ACK|NLM_F_REQUEST}, '
            'b"\\x02\\x00\\x00\\x00", nlmsghdr{nlmsg_len=16}], 36, 0, 0, 0)\n')
    program = parse(text)
    assert print_program(program, Namer(description)) == text
    source = csource.write([program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="")
    assert "struct { struct lkl_nlmsghdr it; char rest1[4]; struct lkl_nlmsghdr it2; }" in source
    assert ".nlmsg_type = LKL_RTM_GETADDR, .nlmsg_flags = LKL_NLM_F_ACK|LKL_NLM_F_REQUEST }" in source
    source = source.replace("\tCALL(lkl_sys_sendto(", "\tfwrite(&b0, 1, 36, stderr);\n\tCALL(lkl_sys_sendto(")
    ran = run_c(source, config, settings, tmp_path)
    message = program.calls[1].args[1]
    assert isinstance(message, Pointer)
    assert description.encoder.flatten(message.target).data in ran


def test_files_of_the_kernel_are_where_the_sandbox_has_them(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """A C program opens the files of /proc, /sys and /dev as the program that it shows."""
    paths = ("/proc/self/status", "/sys/kernel/uevent_seqnum", "/dev/ptmx", "/dev/pts", "/dev/null")
    program = parse("".join(f'openat(AT_FDCWD, "{path}", O_RDONLY, 0)\n' for path in paths))
    source = csource.write([program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="")
    ran = run_c(source, config, settings, tmp_path)
    results = re.findall(r'lkl_sys_openat\(.*"(.*)".*\) = (-?\d+)', ran.decode(errors="replace"))
    assert [path for path, result in results if int(result) >= 0] == list(paths)


def test_a_failure_in_the_cleanup_has_all_of_it(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """A kernel that fails after the last call may do so in any call of the sandbox's cleanup: C makes them all."""
    program = parse(
        'r0 = openat(AT_FDCWD, "f0", O_CREAT|O_RDWR, 0600)\nr1 = timer_create(CLOCK_MONOTONIC, 0, &out(4))\n'
    )
    source = csource.write(
        [program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="", clean=True
    )
    ran = run_c(source, config, settings, tmp_path).decode(errors="replace")
    made = re.findall(r"lkl_sys_(\w+)\(.*\) = (-?\d+)", ran)
    assert [name for name, _ in made][-3:] == ["timer_delete", "close", "umask"]
    assert all(int(result) >= 0 for _, result in made)


def test_the_cleanup_has_the_order_of_the_sandbox(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """Timers and mappings end with the last one first, descriptors by their numbers, and no timer that was not made."""
    program = parse(
        'r0 = openat(AT_FDCWD, "f0", O_CREAT|O_RDWR, 0600)\n'
        'r1 = timer_create(CLOCK_MONOTONIC, 0, &out(4))\n'
        'r2 = mmap_pgoff(0, 4096, 3, 34, -1, 0)\n'
        'r3 = dup3(r0, 9, 0)\n'
        'r4 = openat(AT_FDCWD, "f1", O_CREAT|O_RDWR, 0600)\n'
        'r5 = mmap_pgoff(0, 8192, 3, 34, -1, 0)\n'
        'r6 = timer_create(99, 0, &out(4))\n'
        'r7 = timer_create(CLOCK_MONOTONIC, 0, &out(4))\n'
    )
    source = csource.write(
        [program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="", clean=True
    )
    ran = run_c(source, config, settings, tmp_path).decode(errors="replace")
    made = re.findall(r"lkl_sys_(\w+)\((.*)\) = (-?\d+)", ran)[len(program.calls):]
    assert [(name, arguments) for name, arguments, _ in made] == [
        ("timer_delete", "r7"), ("timer_delete", "r6"), ("timer_delete", "r1"),
        ("munmap", "r5, 0x2000"), ("munmap", "r2, 4096"), ("close", "0"), ("close", "1"), ("close", "9"),
        ("umask", "022"),
    ]  # fmt: skip
    assert [int(result) < 0 for _, _, result in made] == [False, True, *[False] * 7]  # r6 was not made


@pytest.mark.parametrize("attr", [
    "sched_attr{size=48, sched_policy=6, sched_runtime=9000000, sched_deadline=10000000}",
    'b"' + "\\x30\\x00\\x00\\x00\\x06" + "\\x00" * 43 + '"',
], ids=["structure", "bytes"])  # fmt: skip
@pytest.mark.parametrize("guarded", [False, True])
def test_no_c_program_asks_for_a_deadline(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path,
    attr: str, guarded: bool,
) -> None:
    """LKL may lose its only CPU with SCHED_DEADLINE: C asks for the normal policy, as the executor does."""
    program = parse(f"sched_setattr(0, &{attr}, 0)\nsched_getscheduler(0)\n")
    source = csource.write(
        [program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="", guarded=guarded
    )
    ran = run_c(source, config, settings, tmp_path).decode(errors="replace")
    assert re.search(r"lkl_sys_sched_setattr\(.*\) = 0\b", ran)
    assert "lkl_sys_sched_getscheduler(0) = 0\n" in ran


def test_no_deadline_is_drawn(description: Description) -> None:
    """No program that is drawn has the policy that the executor would take out."""
    policy = description.fields["sched_attr"][1]["sched_policy"]
    assert isinstance(policy, Choice)
    assert 6 not in policy.numbers
