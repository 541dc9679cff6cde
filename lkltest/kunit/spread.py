"""Cases of KUnit, spread over several kernels at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Mapping, Sequence

from lkltest.kernel import Kernel
from lkltest.kunit import groups
from lkltest.kunit.kernel import Options
from lkltest.kunit.listing import Case
from lkltest.kunit.results import Result
from lkltest.kunit.run import run


def spread(
    kernel: Kernel, cases: Sequence[Case], everything: Sequence[Case], jobs: int, options: Options,
    known: Mapping[str, float], hint: str = "",
) -> Generator[Result, None, None]:  # fmt: skip
    """Run cases in up to `jobs` kernels at a time, and yield the results as they come; `known`: seconds by name.

    A thread reads each kernel, also a single one: while the caller is busy, as at a debugger's prompt, a kernel whose
    pipe nobody reads would stand still, with its clocks and timeouts running on. Closing the generator ends them all.
    """
    if not cases:
        return
    divided = groups.divide(cases, everything, jobs, known)
    if len(divided) < 2:
        divided = [groups.Group(tuple(cases), hint)]
    results: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def work(group: groups.Group) -> None:
        try:
            for result in run(kernel, group, everything, options, stop):
                results.put(result)
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
        for thread in threads:
            thread.join()
