"""A program that boots a UML and then only waits, to be ended from outside."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lkltest.uml import booted, inspect

with booted(inspect(Path(sys.argv[1])), Path(sys.argv[2])) as console:
    console.expect("^ready$")
    print("booted", flush=True)
    time.sleep(600)
