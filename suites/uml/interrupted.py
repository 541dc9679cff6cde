"""A program that boots a UML and then only waits, to be ended from outside."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from lkltest import booted, uml

# A job in the background of a shell without job control ignores SIGINT, and so would we.
signal.signal(signal.SIGINT, signal.default_int_handler)

with booted(uml.inspect(Path(sys.argv[1])), Path(sys.argv[2])) as console:
    console.expect("^ready$")
    print("booted", flush=True)
    time.sleep(600)
