"""Run a command to which the host refuses a system call, as a container may.

Usage: refusing.py ptrace|seccomp COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import errno
import os
import sys

from lkltest.uml.nofpregset import ARCHITECTURE, NUMBER, PR_SET_SECCOMP, PTRACE, REQUEST, X86_64, install, program

PRCTL = 157
REFUSED = {"ptrace": ((NUMBER, PTRACE),), "seccomp": ((NUMBER, PRCTL), (REQUEST, PR_SET_SECCOMP))}

if __name__ == "__main__":
    error = install(program(((ARCHITECTURE, X86_64), *REFUSED[sys.argv[1]]), errno.EPERM))
    if error:
        sys.exit(os.strerror(error))
    os.execvp(sys.argv[2], sys.argv[2:])
