"""Nearly all calls of the kernel are seen to get past the checks of their arguments."""

from __future__ import annotations

import contextlib
import errno

import pytest

from lkltest.fuzz.exec.kernel import Kernel, KernelConfig, WorkerExit
from lkltest.fuzz.exec.protocol import RESTARTED
from lkltest.fuzz.gen.generator import Generator
from lkltest.fuzz.gen.sources import Random
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.resolve import resolve

WANTED = 190
ROUNDS = 4  # for what was not reached yet
PROGRAMS, REPEATS = 6, 6  # programs for each call, and how often it stands in each
# Resources that later calls of any kind may need: the last of a kind is taken most often.
FILES = ("mkdirat_d0", "symlinkat", "symlinkat", "mmap_pgoff", "mmap_pgoff", "timer_create", "timer_create",
         "timer_create", "timer_create", "openat_create")
SOCKETS = ("openat_create", "mkdirat_d0", "openat_dir", "pipe2", "socket_tcp4", "bind4", "listen_start",
           "socket_tcp4", "connect4", "accept_start", "socket_udp4", "epoll_create1", "eventfd2")
# Failures that a call gives for what it was asked about, not for how it was asked.
LATE = {"EAGAIN", "ECHILD", "EOPNOTSUPP", "ENODATA", "EEXIST", "ENOTEMPTY", "ESTALE", "EROFS", "EBUSY", "EXDEV",
        "ENOTCONN", "EINPROGRESS", "ESPIPE", "ENOTTY", "ESRCH", "ERANGE"}
# Calls that may never get that far here, each with its reason.
NOT_REACHED = {
    "capset": "one may only set one's own, and drop: most of what is drawn asks for more",
    "link": "both names must be free and there in turn",
    "mremap": "a mapping seldom moves without an MMU",
    "pivot_root": "neither directory is a mount point",
    "readlink": "few names are symbolic links",
    "readlinkat": "few names are symbolic links",
    "rename": "few names are there",
    "rmdir": "few directories are there",
    "rt_tgsigqueueinfo": "a task may only send codes to itself",
    "setns": "few descriptors are namespaces",
    "setpgid": "the leader of a session stays in its group",
    "setsid": "process 1 leads its session already",
    "socketpair": "this kernel has no family with pairs",
    "uselib": "this kernel has no binary format for it",
}


def batches(description: Description, name: str, source: Random) -> list[bytes]:
    """Programs that make a call in different company."""
    made = []
    for n in range(PROGRAMS):
        variants = description.by_call[name]
        keys = [*(FILES if n % 2 else SOCKETS), *(source.choice(variants).key for _ in range(REPEATS))]
        program = resolve([description.draw(key, source) for key in keys if key in description.variants])
        with contextlib.suppress(ValueError):  # more buffers than the executor has
            made.append(description.encode(program))
    return made


def test_most_calls_get_past_their_arguments(config: KernelConfig, description: Description) -> None:
    """190 calls succeed or fail late; the others are listed above with their reasons."""
    source = Random(1)
    late = {number for number, name in description.headers.errnos.items() if name in LATE} | {0, RESTARTED}
    numbers = {name: description.headers.calls[name].number for name in description.by_call}
    missing = set(numbers)
    kernel = Kernel(config)
    try:
        for name in [name for _ in range(ROUNDS) for name in sorted(numbers)]:
            programs = batches(description, name, source) if name in missing else []
            while programs:
                outcome = kernel.run(b"".join(programs), len(programs))
                reached = {number for number, bucket, _ in kernel.memory.counts() if bucket in late}
                missing = {name for name in missing if numbers[name] not in reached}
                if isinstance(outcome, WorkerExit):  # what it died of is found elsewhere
                    kernel.close()
                    kernel = Kernel(config)
                    break
                programs = programs[outcome:]
    finally:
        kernel.close()
    assert len(numbers) - len(missing) >= WANTED
    assert missing <= set(NOT_REACHED), sorted(missing - set(NOT_REACHED))


@pytest.mark.parametrize("scenario", ["tcp4", "tcp6"])
def test_listeners_get_their_port(config: KernelConfig, description: Description, scenario: str) -> None:
    """A connection of an earlier program, which the kernel remembers for a minute, does not keep later ones away.

    On a busy host more connections are still under way when accept4(), which does not wait, looks for them: then
    programs go on until enough have come, which they do not in 24 batches where listeners do not get their port.
    """
    generator = Generator(description, 1, (scenario,))
    bind, accept = (description.headers.calls[name].number for name in ("bind", "accept4"))
    ended: dict[tuple[int, int], int] = {}
    with Kernel(config) as kernel:
        for n in range(24):
            if n < 8 or ended.get((accept, 0), 0) <= 256:
                batch = generator.batch(64)
                assert kernel.run(batch.data, 64) == 64
                ended = {(number, bucket): count for number, bucket, count in kernel.memory.counts()}
    assert ended.get((bind, errno.EADDRINUSE), 0) * 50 < ended[bind, 0]
    assert ended[accept, 0] > 256
