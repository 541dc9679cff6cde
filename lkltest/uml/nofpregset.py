"""Run a command that cannot read the processor's extended state, as a script of its own.

Usage: nofpregset.py COMMAND [ARGUMENT ...]

A seccomp filter, which all that the command starts inherits, answers EIO to PTRACE_GETREGSET of NT_X86_XSTATE. A UML
then takes the host for one without XSAVE, and keeps the x87 and SSE registers by PTRACE_GETFPREGS and _SETFPREGS.
The exit status is 126 where the host refuses the filter, 127 where the command cannot be started.

It imports nothing of lkltest, since it starts with every such boot and must start fast.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Sequence

REFUSED, CANNOT_START = 126, 127

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2  # linux/prctl.h, linux/seccomp.h
ALLOW, FAIL = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
X86_64 = 0xC000003E  # AUDIT_ARCH_X86_64
PTRACE, GETREGSET, XSTATE = 101, 0x4204, 0x202  # the number of ptrace() there, its request, its kind of state
NUMBER, ARCHITECTURE, REQUEST, KIND = 0, 4, 16, 32  # offsets in struct seccomp_data, of the lower halves

LOAD, UNLESS_EQUAL, RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h: LD|W|ABS, JMP|JEQ|K, RET|K


# The calls that the filter answers with an error: offsets in struct seccomp_data, and the values there.
CONDITIONS = ((ARCHITECTURE, X86_64), (NUMBER, PTRACE), (REQUEST, GETREGSET), (KIND, XSTATE))


def program(conditions: Sequence[tuple[int, int]] = CONDITIONS, error: int = errno.EIO) -> bytes:
    """The filter: an array of struct sock_filter that answers `error` where all the conditions hold."""
    code = []
    for left, (offset, value) in zip(range(len(conditions) - 1, -1, -1), conditions, strict=True):
        code.append((LOAD, 0, 0, offset))
        code.append((UNLESS_EQUAL, 0, 2 * left + 1, value))  # to the last line
    code += [(RETURN, 0, 0, FAIL | error), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in code)


def install(code: bytes) -> int:
    """Install a filter for this process and all that it starts, for good; return the error, 0 for none."""

    class Program(ctypes.Structure):
        """struct sock_fprog."""

        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    filters = Program(len(code) // 8, code)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 4]
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filters))):
        if prctl(*arguments, None, None) != 0:
            return ctypes.get_errno()
    return 0


def main(argv: list[str]) -> int:
    """Become the command; return the exit status where that cannot be."""
    error = install(program())
    if error:
        print(f"lkltest: the host refuses a seccomp filter: {os.strerror(error)}", file=sys.stderr)
        return REFUSED
    try:
        os.execvp(argv[0], argv)
    except OSError as failure:
        print(f"lkltest: cannot start {argv[0]}: {failure.strerror}", file=sys.stderr)
    return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
