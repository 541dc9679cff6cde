"""Ask the host for the size of the processor's state, as a script of its own.

Usage: probe.py BYTES

A child process is traced, as a UML traces its processes. Printed is a line of JSON: "trace", "get" and "set" are the
errors of being traced, of reading the whole state, and of setting the first BYTES of it (0: none); "size" is what the
whole state has, in bytes.

It imports nothing of lkltest: it also runs under what `lkltest.uml.fpstate` puts before a UML.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

TRACEME, GETREGSET, SETREGSET = 0, 0x4204, 0x4205  # linux/ptrace.h
XSTATE = 0x202  # NT_X86_XSTATE of linux/elf.h
PLENTY = 2 << 20  # bytes


class Iovec(ctypes.Structure):
    """The address and the length of the state."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def ptrace(request: int, pid: int = 0, address: int = 0, data: int | None = None) -> int:
    """Call the C library; return its error, 0 for none."""
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    return ctypes.get_errno() if call(request, pid, address, data) < 0 else 0


def transfer(request: int, pid: int, memory: ctypes.Array[ctypes.c_char], length: int) -> tuple[int, int]:
    """Read or set a process's state; return the error and the bytes that were transferred."""
    vector = Iovec(ctypes.addressof(memory), length)
    return ptrace(request, pid, XSTATE, ctypes.addressof(vector)), vector.length


def traced() -> int:
    """Start a process that stops, traced by this one, or ends with the error of that; return its number."""
    pid = os.fork()
    if pid == 0:
        error = ptrace(TRACEME)
        if error == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(error)
    return pid


def main(short: int) -> dict[str, int]:
    """The host's answer."""
    pid = traced()
    _, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        return {"trace": os.waitstatus_to_exitcode(status)}
    memory = ctypes.create_string_buffer(PLENTY)
    got, size = transfer(GETREGSET, pid, memory, PLENTY)
    taken, _ = transfer(SETREGSET, pid, memory, short)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return {"trace": 0, "get": got, "size": 0 if got else size, "set": taken}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
