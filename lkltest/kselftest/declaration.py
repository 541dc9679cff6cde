"""kselftests, declared in a suite's file."""

from __future__ import annotations

from dataclasses import dataclass

# Tests of what a UML has, by their directories in tools/testing/selftests: no processor, device or hypervisor, and no
# benchmark. Of net those that need no second machine: most others are scripts, which take hours.
SUITABLE = (
    "clone3", "core", "exec", "filesystems", "filesystems/epoll", "filesystems/eventfd", "filesystems/statmount",
    "futex/functional", "ipc", "kcmp", "membarrier", "memfd", "mincore", "mqueue:mq_open_tests", "net:bind_*",
    "net:epoll_busy_poll", "net:netlink-dumps", "net:reuse*", "net:sk_*", "net:so_incoming_cpu", "net:tap", "net:tls",
    "net:tun", "net/af_unix", "openat2", "pid_namespace", "pidfd", "prctl", "proc", "ptrace", "rlimits",
    "seccomp:seccomp_bpf", "sigaltstack", "size", "splice", "timens", "timers", "tmpfs",
    "user_events",
)  # fmt: skip
# Single tests of these directories that no UML can pass, and why.
UNSUITABLE = {
    "exec:execveat": "runs programs whose file was removed or whose path is as long as possible, which hostfs has not",
    "timers:posix_timers": "waits for time in user mode, which a UML counts as the kernel's",
}


@dataclass(frozen=True, init=False)
class Kselftest:
    """The kselftests of a kernel tree, as tests of pytest: `timers = Kselftest("timers", "futex/functional")`.

    The tree is that of --lkl-kselftest-tree. The kernel is each one of --uml, or else one that is built from the tree
    with the options that the tests ask for. `targets` are directories of tools/testing/selftests ("timers"), or some
    tests of one ("net:reuse*"); without any, those of --lkl-kselftest-target, or else those that suit a UML. `timeout`
    is in seconds, for each program; None: its settings file's.
    """

    targets: tuple[str, ...]
    timeout: float | None

    def __init__(self, *targets: str, timeout: float | None = None) -> None:
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "timeout", timeout)
