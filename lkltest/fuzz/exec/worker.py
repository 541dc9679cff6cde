"""The program of a worker: it boots one kernel, and runs batches on it.

Run as `python -I -S worker.py EXECUTOR CFFI FDS NICE MEMORY CMDLINE [IMAGE TYPE]`. FDS are descriptors, with commas
between them: of the shared memory, and of the two parts of the feedback where it is wanted. It imports as little as
possible, because each lost worker is replaced by a new one, which must start fast.
"""

import os
import sys


def main(executor: str, cffi: str, fds: list[int], nice: int, memory: int, cmdline: str, *disk: str) -> int:
    """Boot a kernel and serve batches until standard input ends; returns 2 where the kernel cannot be started."""
    import importlib.machinery
    import importlib.util

    os.nice(nice)
    sys.path.append(cffi)
    # Global, so that a preloaded library's dlsym(RTLD_NEXT, ...) finds the kernel's functions.
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
    import _cffi_backend  # noqa: F401 -- the executor's module needs it

    spec = importlib.util.spec_from_file_location("lkltest_executor", executor)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lib = module.lib
    memory_fd, *edges = fds
    if lib.fz_attach(memory_fd) or (edges and lib.fz_edges(*edges)):
        print("lkltest: no shared memory", file=sys.stderr, flush=True)
        return 2
    for fd in fds:
        os.close(fd)
    error = lib.fz_boot(memory, cmdline.encode())
    if error:
        print(f"lkltest: the kernel does not boot: error {error}", file=sys.stderr, flush=True)
        return 2
    if disk:
        image, type = disk
        error = lib.fz_disk(image.encode(), type.encode()) if type else lib.fz_base(image.encode())
        if error:
            done = "mount" if type else "take"
            print(f"lkltest: the kernel does not {done} {image}: error {error}", file=sys.stderr, flush=True)
            return 2
    lib.fz_serve(0, 1)
    return 0


if __name__ == "__main__":
    _, executor, cffi, fds, nice, memory, cmdline, *disk = sys.argv
    sys.exit(main(executor, cffi, [int(fd) for fd in fds.split(",")], int(nice), int(memory), cmdline, *disk))
