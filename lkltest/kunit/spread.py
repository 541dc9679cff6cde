"""Cases of KUnit, spread over several kernels at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence

from lkltest.kernel import Kernel
from lkltest.kunit import groups
from lkltest.kunit.kernel import Options
from lkltest.kunit.listing import Case
from lkltest.kunit.results import Result
from lkltest.kunit.run import run


def spread(
    kernel: Kernel, cases: Sequence[Case], everything: Sequence[Case], jobs: int, options: Options,
    known: Mapping[str, float], hint: str = "",
) -> Iterator[Result]:  # fmt: skip
    """Run cases in up to `jobs` kernels at a time, and yield the results as they come; `known`: seconds by name."""
    if not cases:
        return
    divided = groups.divide(cases, everything, jobs, known)
    if len(divided) < 2:
        yield from run(kernel, groups.Group(tuple(cases), hint), everything, options)
        return
    results: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def work(group: groups.Group) -> None:
        try:
            for result in run(kernel, group, everything, options):
                results.put(result)
                if stop.is_set():
                    return
            results.put(None)
        except BaseException as error:  # raised again where it is waited for
            results.put(error)

    threads = [threading.Thread(target=work, args=[group], daemon=True) for group in divided]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            got = results.get()
            if isinstance(got, BaseException):
                raise got
            left -= got is None
            if got is not None:
                yield got
    finally:
        stop.set()
