"""The limit of open files of a session's process, which many workers exceed."""

from __future__ import annotations

import resource

from lkltest.errors import UsageError

EACH = 16  # descriptors of a worker: shared memory, a socket, standard error; as many for a kernel that reproduces
OTHERS = 128  # of everything else


def allow(workers: int) -> None:
    """Raise the soft limit of open files where it is too low; UsageError where the hard limit is too low."""
    needed = workers * EACH + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UsageError(
            f"{workers} workers need {needed:,} open files, and a process may have only {hard:,} here: "
            f"raise the limit as root (ulimit -n {needed}), or take fewer --workers"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
