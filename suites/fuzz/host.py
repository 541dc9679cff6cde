"""The host's kernel, making the calls that come on standard input.

Run as `python host.py`, in an empty directory. A line is a program in JSON, a list of [number, argument...]; an
argument is a number, {"ref": n} for the nth call's result, {"text": hex}, {"in": hex} or {"out": size}. The answer is
a line with the results. Each program has a directory and a table of descriptors of its own.
"""

import ctypes
import errno
import json
import os
import shutil
import sys

SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
SYSCALL.restype = ctypes.c_long
FIRST = 3  # descriptor of a program's own


def argument(given: object, results: list[int], kept: list[object]) -> object:
    """An argument for C; the target of a pointer is added to `kept`, so that it lives until the call is over."""
    if isinstance(given, int):
        return ctypes.c_long(given)
    assert isinstance(given, dict)
    if "ref" in given:
        return ctypes.c_long(results[given["ref"]])
    if "text" in given:
        data = ctypes.create_string_buffer(bytes.fromhex(given["text"]))
    elif "in" in given:
        data = ctypes.create_string_buffer(bytes.fromhex(given["in"]), len(given["in"]) // 2 + 1)
    else:
        data = ctypes.create_string_buffer(given["out"] + 1)
    kept.append(data)
    return data


def run(calls: list[list[object]]) -> list[int]:
    """Make the calls; their results, failures as negative errnos."""
    results: list[int] = []
    for number, *given in calls:
        kept: list[object] = []
        returned = SYSCALL(argument(number, results, kept), *(argument(each, results, kept) for each in given))
        results.append(-ctypes.get_errno() if returned == -1 else returned)
    return results


def main() -> None:
    """Answer each line."""
    os.umask(0o022)
    top = os.getcwd()  # noqa: PTH109 -- starts without pathlib
    for n, line in enumerate(sys.stdin):
        place = os.path.join(top, str(n))  # noqa: PTH118
        os.mkdir(place)  # noqa: PTH102
        os.chdir(place)
        results = run(json.loads(line))
        os.closerange(FIRST, 256)
        os.chdir(top)
        shutil.rmtree(place)
        print(json.dumps(results), flush=True)


assert errno.ENOENT == 2  # numbers are compared with those of the generic ABI
if __name__ == "__main__":
    main()
