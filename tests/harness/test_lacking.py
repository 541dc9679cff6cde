"""Programs on kernels whose headers lack something: they compile, and the points that need it skip."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cc
from lkltest.host import process
from lkltest.liblkl import Liblkl, lacking
from lkltest.settings import Settings
from tests.harness.stream import BOOT, SHAPES, Build, Output, Run, failed, read

PROGRAMS = [source for source in sorted(BOOT.parent.parent.glob("*/*.c"))
            if source.parent.name != "uml" and not source.name.endswith(".inc.c")]  # fmt: skip
PROGRAMS.append(cc.HARNESS / "attach.c")  # linked with each of a tree's own programs
INTERNAL = cc.HARNESS / "lkltest" / "internal"
CALLS = re.findall(r"^#ifdef LKLTEST_LACKS_CALL_(\w+)", (INTERNAL / "lacking.h").read_text(), re.MULTILINE)
NAMES = re.findall(r"^#ifndef ((?:LKL|lkl)_\w+)", (INTERNAL / "constants.h").read_text(), re.MULTILINE)
NET = re.findall(r'lkl_sys_(\w+)\(\.\.\.\) lkltest_no_call\("\w+", "CONFIG_NET"', (INTERNAL / "lacking.h").read_text())
LIBC = ("signal.h", "fcntl.h", "poll.h", "netinet/in.h", "net/if.h", "sys/stat.h", "sys/socket.h", "sys/mman.h")

# System calls that no option takes away, of those that the suites use.
EVERYWHERE = """
chdir close dup dup3 fallocate fchdir fchmod fchmodat fchownat fcntl fdatasync fstat fstatat fsync ftruncate getcwd
getdents64 getpid getppid gettid getxattr halt ioctl linkat listxattr lseek mkdirat mknodat mount nanosleep openat pipe2
ppoll pread64 preadv prlimit64 pwrite64 pwritev read readlinkat readv removexattr renameat2 sched_yield sendfile
setxattr splice statfs symlinkat sync syncfs truncate umask umount unlinkat utimensat write writev
"""

# Points of the boot program that skip on the default kernel as it is: for an option, or as no library can have them.
ANYWAY = {
    "signalfd", "timerfd", "reboot_switch", "futex", "futex_wake", "sysv_messages", "sysv_semaphores", "sysv_memory",
    "posix_queue", "keys", "namespace_uts",
}  # fmt: skip

Doctored = Callable[..., tuple[Path, ...]]  # (**{header: its new text}): directories for -I


@pytest.fixture
def doctored(liblkl: Liblkl, tmp_path: Path) -> Doctored:
    """Headers in which some are replaced: those in a directory of their own come first."""
    numbers = iter(range(1000))

    def doctor(changed: dict[str, str]) -> tuple[Path, ...]:
        folder = tmp_path / f"include{next(numbers)}"
        for name, text in changed.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return (folder, *liblkl.include)

    return doctor


def header(liblkl: Liblkl, name: str) -> str:
    """The text of one of a kernel's headers."""
    return next((folder / name).read_text() for folder in liblkl.include if (folder / name).is_file())


@functools.cache
def mentions(program: Path) -> str:
    """The text of a program with the files that may be parts of it, and of the harness without its lists of names."""
    parts = [path for path in sorted(program.parent.iterdir()) if path.suffix == ".h" or path.name.endswith(".inc.c")]
    harness = [path for path in INTERNAL.glob("*.h") if path.stem not in {"lacking", "constants", "host", "native"}]
    return "".join(path.read_text() for path in (program, *parts, *harness))


class Compiler:
    """Checks programs for errors and warnings, two or more at a time, without making anything."""

    def __init__(self, liblkl: Liblkl, settings: Settings) -> None:
        """Compile for a kernel; the pool has a thread for each processor."""
        self.liblkl, self.settings = liblkl, settings
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def jobs(self, what: str, include: tuple[Path, ...], *flags: str, about: str = "") -> list[Callable[[], str]]:
        """Compilations of each program that mentions the name `about`; each returns an error, or nothing."""
        command = [
            *self.settings.cc, *cc.FLAGS, "-O0", "-fsyntax-only", "-Werror", f"-I{cc.HARNESS}",
            *(f"-I{folder}" for folder in include), *lacking.flags(include), *self.liblkl.cflags, *flags,
        ]  # fmt: skip

        def check(program: Path) -> str:
            done = process.run([*command, program], merge=True, timeout=120)
            return "" if done.ok else f"{what}: {program.name}\n{done.output.decode(errors='replace')}"

        programs = [program for program in PROGRAMS if re.search(rf"\b{about}\b", mentions(program))]
        return [functools.partial(check, program) for program in programs or PROGRAMS[:1]]

    def run(self, jobs: list[Callable[[], str]]) -> None:
        """Fail with the errors of all compilations."""
        assert jobs
        wrong = [error for error in self.pool.map(lambda job: job(), jobs) if error]
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def compiler(liblkl: Liblkl, settings: Settings) -> Iterator[Compiler]:
    """Compilations side by side."""
    compiler = Compiler(liblkl, settings)
    yield compiler
    compiler.pool.shutdown()


def test_each_call_of_the_suites_is_in_every_kernel_or_can_be_lacking() -> None:
    """A call that an option takes away is one that a program can be compiled without."""
    used = set(re.findall(r"\blkl_sys_(\w+)", "".join(map(mentions, PROGRAMS))))
    assert used - set(EVERYWHERE.split()) <= set(CALLS)
    assert {"socket", "bind", "sendto", "recvfrom", "epoll_create1", "eventfd2"} <= set(CALLS)


def test_the_default_kernel_lacks_nothing_that_the_suites_use(liblkl: Liblkl) -> None:
    """A call that the headers declare is not said to be lacking: else points would be skipped for nothing."""
    used = set(re.findall(r"\blkl_sys_(\w+)", "".join(map(mentions, PROGRAMS))))
    said = {flag.removesuffix("=1").partition("LACKS_")[2] for flag in lacking.flags(liblkl.include)}
    assert not {f"CALL_{name}" for name in used} & said
    assert not {"HOST_print", "HOST_panic", "HOST_gettid", "HOST_thread_create", "HOST_mutex_alloc"} & said
    assert not [name for name in said if name.startswith("MEMBER_")]


def test_programs_compile_without_any_one_operation_of_the_host(
    liblkl: Liblkl, doctored: Doctored, compiler: Compiler
) -> None:
    """Each member that struct lkl_host_operations may lose is taken away in turn."""
    text = header(liblkl, "lkl/asm/host_ops.h")
    jobs = []
    for name in re.findall(r"\(\*(\w+)\)\(", text[text.index("struct lkl_host_operations {") :]):
        changed = re.sub(rf"\n\t[^\n;]*\(\*{name}\)\([^;]*;", "", text)
        if changed != text and re.search(rf"\b{name}\b", (INTERNAL / "host.h").read_text()):
            jobs += compiler.jobs(f"without {name}", doctored({"lkl/asm/host_ops.h": changed}), about=name)
    compiler.run(jobs)


LIBRARY = """
long lkl_sys_absent(int domain, int type, void *protocol);
int library_if_up(void);
int library_if_up(void) { return lkl_sys_absent(1, 2, 0); }
"""
CALLER = """
#include <lkltest.h>
int library_if_up(void);
POINT(calls) { CHECK_EQ(library_if_up(), -LKL_ENOSYS); }
LKLTEST_POINTS = { LKLTEST(calls) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""


def test_a_library_makes_calls_that_its_kernel_lacks(liblkl: Liblkl, settings: Settings, tmp_path: Path) -> None:
    """Without CONFIG_NET the library's own lkl_if_up() still calls lkl_sys_socket(): programs link, and it fails."""
    (tmp_path / "caller.c").write_text(CALLER)
    (tmp_path / "library.c").write_text(LIBRARY)
    built = replace(liblkl, undefined=liblkl.undefined | {"lkl_sys_absent"})
    program = cc.compile(tmp_path / "caller.c", built, settings, flags=("-Werror",), others=(tmp_path / "library.c",))
    assert failed(read(process.run([program], timeout=60))) == []


def test_a_call_in_an_inline_function_declares_nothing(doctored: Doctored) -> None:
    """lkl.h's lkl_sys_recv() calls lkl_sys_recvfrom(), also where the kernel has no such call."""
    text = "static inline long lkl_sys_recv(int fd)\n{\n\treturn lkl_sys_recvfrom(fd, 0);\n}\n"
    include = doctored({"lkl.h": text, "lkl/asm/syscall_defs.h": "LKL_SYSCALL_DEFINE1(_close,unsigned int,fd)\n"})
    assert "-DLKLTEST_LACKS_CALL_recvfrom=1" in lacking.flags(include)


def test_programs_compile_where_operations_are_functions(
    liblkl: Liblkl, doctored: Doctored, compiler: Compiler
) -> None:
    """A library mode without a table declares each operation as a function of its own."""
    text = header(liblkl, "lkl/asm/host_ops.h")
    table = re.search(r"struct lkl_host_operations \{(.*?)\n\};", text, re.DOTALL)
    assert table is not None
    functions = re.sub(r"\(\*(\w+)\)\(", r"lkl_\1(", re.sub(r"\n\tconst char \*virtio_devices;", "", table[1]))
    functions = functions.replace("lkl_f(", "(*f)(").replace("lkl_fn(", "(*fn)(").replace("lkl_destructor(", "(*d)(")
    changed = text.replace(table[0], "struct lkl_host_operations { const char *um_devices; };\n" + functions)
    compiler.run(compiler.jobs("functions", doctored({"lkl/asm/host_ops.h": changed})))


def test_programs_compile_without_any_one_configured_call(
    liblkl: Liblkl, doctored: Doctored, compiler: Compiler
) -> None:
    """Each system call that an option takes away is taken away in turn, and all of CONFIG_NET's together."""
    jobs = []
    for names in [*([name] for name in CALLS), NET]:
        if include := without_calls(liblkl, doctored, names):
            about = f"lkl_sys_{names[0]}" if len(names) == 1 else "lkl_sys_socket"
            jobs += compiler.jobs(f"without {', '.join(names)}", include, about=about)
    compiler.run(jobs)


def without_calls(liblkl: Liblkl, doctored: Doctored, names: list[str]) -> tuple[Path, ...]:
    """Headers that do not declare some system calls; none where they do not anyway."""
    changed = {}
    for name in ("lkl/asm/syscall_defs.h", "lkl.h"):
        text = header(liblkl, name)
        fewer = re.sub(rf"LKL_SYSCALL_DEFINE\d\(_({'|'.join(names)})\b[^\n]*\n", "\n", text)
        fewer = re.sub(rf"static inline [\w *]*lkl_sys_({'|'.join(names)})\(.*?\n}}\n", "\n", fewer, flags=re.DOTALL)
        if fewer != text:
            changed[name] = fewer
    return doctored(changed) if changed else ()


def test_programs_compile_without_any_one_name_of_the_c_librarys(doctored: Doctored, compiler: Compiler) -> None:
    """Each constant that some headers leave to the C library is taken away in turn, and then all of them."""
    shim = "#pragma once\n#include_next <lkl_host.h>\n"
    jobs = []
    for names in [*([name] for name in NAMES), NAMES]:
        include = doctored({"lkl_host.h": shim + "".join(f"#undef {name}\n" for name in names)})
        jobs += compiler.jobs(f"without {names[0]}", include, about=names[0] if len(names) == 1 else "")
    compiler.run(jobs)


@pytest.mark.parametrize("order", ["after", "before"])
def test_programs_compile_whatever_comes_first(
    liblkl: Liblkl, doctored: Doctored, compiler: Compiler, tmp_path: Path, order: str
) -> None:
    """lkl.h comes before the C library's headers, or after them, with members with and without prefix."""
    libc = tmp_path / "libc.h"
    libc.write_text("".join(f"#include <{name}>\n" for name in LIBC))
    plain = {
        name: re.sub(r"\blkl_(s_addr|st_[amc]time)\b", r"\1", header(liblkl, name))
        for name in ("lkl/linux/in.h", "lkl/asm-generic/stat.h")
    }
    flags = ("-include", str(libc)) if order == "after" else ()
    jobs = compiler.jobs("prefixed", liblkl.include, *flags)
    jobs += compiler.jobs("without prefix", doctored(plain), *flags)
    compiler.run(jobs)


def test_programs_compile_without_block_operations(liblkl: Liblkl, doctored: Doctored, compiler: Compiler) -> None:
    """A library whose disks are paths has no lkl_dev_blk_ops, nor what belongs to it."""
    text = header(liblkl, "lkl_host.h")
    text = re.sub(r"struct lkl_(?:blk_req|dev_blk_ops) \{.*?\n\};\n", "", text, flags=re.DOTALL)
    text = re.sub(r"extern struct lkl_dev_blk_ops[^\n]*\n", "", text)
    assert "LKL_DEV_BLK" not in text
    compiler.run(compiler.jobs("without lkl_dev_blk_ops", doctored({"lkl_host.h": text})))


def skips(output: Output) -> dict[str, str]:
    """The points that skip, with their reasons, apart from those that do so anyway."""
    points = output.points.items()
    return {name: point.reason or "" for name, point in points if point.directive == "SKIP" and name not in ANYWAY}


def test_points_without_their_option_skip(liblkl: Liblkl, doctored: Doctored, settings: Settings) -> None:
    """On a kernel without CONFIG_NET exactly the network's points skip, naming it; all others pass."""
    include = without_calls(liblkl, doctored, NET)
    program = cc.compile(BOOT, replace(liblkl, include=include), settings, flags=("-Werror",))
    output = read(process.run([program], timeout=60))
    assert (output.status, failed(output)) == (0, [])
    skipped = skips(output)
    assert set(skipped) == {"lo_ifup", "tcp_ipv4", "tcp_ipv6", "udp_ipv4", "udp_ipv6"}
    assert all("CONFIG_NET" in reason for reason in skipped.values())


# Calls that points make by their numbers, which a kernel's headers have whatever its configuration.
OPTIONS = {
    "CONFIG_MULTIUSER": "setregid setgid setreuid setuid setresuid getresuid setresgid getresgid setfsuid setfsgid "
    "setgroups getgroups capget capset",
    "CONFIG_POSIX_TIMERS": "timer_create timer_gettime timer_getoverrun timer_settime timer_delete getitimer setitimer "
    "clock_adjtime",
    "CONFIG_EVENTFD": "eventfd2", "CONFIG_PRINTK": "syslog", "CONFIG_EPOLL": "epoll_create1 epoll_ctl epoll_pwait",
    "CONFIG_NET": "socket socketpair bind listen accept accept4 connect getsockname getpeername setsockopt getsockopt "
    "sendto shutdown recvfrom sendmsg recvmsg recvmmsg sendmmsg",
    "CONFIG_ADVISE_SYSCALLS": "fadvise64",
    "CONFIG_INOTIFY_USER": "inotify_init1 inotify_add_watch inotify_rm_watch", "CONFIG_MEMBARRIER": "membarrier",
    "CONFIG_FANOTIFY": "fanotify_init fanotify_mark", "CONFIG_MEMFD_CREATE": "memfd_create",
    "CONFIG_AIO": "io_setup io_destroy io_submit io_getevents", "CONFIG_FILE_LOCKING": "flock",
}  # fmt: skip


# Those of them that points of a program need: each is the reason of a skip.
NEEDED = {
    BOOT: {"CONFIG_EPOLL", "CONFIG_EVENTFD", "CONFIG_MEMBARRIER", "CONFIG_MULTIUSER", "CONFIG_NET",
           "CONFIG_POSIX_TIMERS", "CONFIG_PRINTK"},
    BOOT.with_name("vfs.c"): {"CONFIG_ADVISE_SYSCALLS", "CONFIG_AIO", "CONFIG_FANOTIFY", "CONFIG_FILE_LOCKING",
                              "CONFIG_INOTIFY_USER", "CONFIG_MEMFD_CREATE", "CONFIG_MULTIUSER"},
}  # fmt: skip


def named(reasons: Iterable[str]) -> set[str]:
    """The options that reasons name."""
    return {option for option in OPTIONS for reason in reasons if re.search(rf"\b{option}\b", reason)}


def test_each_option_is_needed_by_a_program() -> None:
    """No option is taken away that no point needs: such a run would show nothing."""
    assert set(OPTIONS) == set().union(*NEEDED.values())


@pytest.mark.parametrize("source", NEEDED, ids=lambda source: source.stem)
def test_points_skip_at_run_time(program: Build, source: Path) -> None:
    """No point fails for a call that the kernel answers with ENOSYS; points skip for each option that they need.

    Half of the options are taken away at a time: a point that needs two of them names one. Those that this kernel
    lacks as it is cannot be taken away: points skip for them anyway.
    """
    calls = "".join(f"X({name})" for names in OPTIONS.values() for name in names.split())
    shaped = program(source, "-include", str(SHAPES / "no_calls.h"), f"-DSHAPE_CALLS={calls}")
    anyway = skips(read(process.run([shaped], timeout=60)))
    new: dict[str, str] = {}
    for options in (sorted(OPTIONS)[::2], sorted(OPTIONS)[1::2]):
        names = " ".join(OPTIONS[option] for option in options)
        output = read(process.run([shaped], timeout=60, env={**os.environ, "SHAPE_NO_CALLS": f" {names} "}))
        assert failed(output) == []
        told = {name: reason for name, reason in skips(output).items() if name not in anyway}
        assert not [reason for reason in told.values() if not any(option in reason for option in options)]
        new |= told
    assert new
    assert named(new.values()) == NEEDED[source] - named(anyway.values())


def test_a_point_without_its_operation_skips(run: Run) -> None:
    """The one point that wants a lacking operation of the host's skips, naming it; all others pass."""
    output = run(BOOT, flags=("-DLKLTEST_LACKS_HOST_gettid=1",))
    assert (output.status, failed(output)) == (0, [])
    skipped = skips(output)
    assert list(skipped) == ["host_gettid"]
    assert "no operation gettid" in skipped["host_gettid"]


def test_points_without_proc_skip(run: Run) -> None:
    """On a kernel without CONFIG_PROC_FS the points that read /proc skip, naming it; all others pass."""
    output = run(BOOT, flags=("-include", str(SHAPES / "no_mount.h"), '-DSHAPE_NO_MOUNT="proc"'))
    assert (output.status, failed(output)) == (0, [])
    skipped = skips(output)
    assert {"mount_fs_proc", "proc_version", "chdir_proc"} <= set(skipped)
    assert all("CONFIG_PROC_FS" in reason for reason in skipped.values())


DISK = """
#include <lkltest.h>
#include <lkltest/disk.h>
POINT(start_kernel) { lkltest_start_kernel(); }
POINT(known) { CHECK_EQ(lkltest_has_filesystem("ext4"), 1); CHECK_EQ(lkltest_has_filesystem("ramfs"), 1); }
POINT(again) { CHECK_EQ(lkltest_has_filesystem("ramfs"), 1); CHECK_EQ(lkltest_has_filesystem("nosuchfs"), 0); }
LKLTEST_POINTS = { LKLTEST(start_kernel), LKLTEST(known), LKLTEST(again) };
int main(int argc, char **argv) { return lkltest_main(argc, argv); }
"""


@pytest.mark.parametrize("missing", ["proc", "sysfs", ""])
def test_a_disk_needs_no_proc(run: Run, tmp_path: Path, missing: str) -> None:
    """The kernel is asked for its file systems without /proc; without sysfs each point skips and says so."""
    source = tmp_path / "disk.c"
    source.write_text(DISK)
    flags = ("-include", str(SHAPES / "no_mount.h"), f'-DSHAPE_NO_MOUNT="{missing}"')
    output = run(source, flags=flags)
    assert (output.status, failed(output)) == (0, [])
    reasons = [output.points[name].reason or "" for name in ("known", "again")]
    assert ["CONFIG_SYSFS" in reason for reason in reasons] == [missing == "sysfs"] * 2
