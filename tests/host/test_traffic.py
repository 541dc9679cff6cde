"""The net suite's clients notice a stack that lies."""

from __future__ import annotations

import re
from pathlib import Path

from lkltest import cc
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

SUITE = Path(__file__).parents[2] / "suites" / "net"


def test_every_lie_is_noticed(liblkl: Liblkl, settings: Settings) -> None:
    """A changed byte, a datagram cut short and a host that is not there each fail at their check."""
    lies = cc.compile(Path(__file__).parent / "programs" / "lies.c", liblkl, settings, flags=(f"-I{SUITE}",))
    done = process.run([lies], timeout=60)
    results = dict(re.findall(r"^(?:not )?ok \d+ (\w+)\n((?:  .*\n)*)", done.output.decode(), re.M))
    assert "check" not in results["start"]
    assert re.search(r'check: .*received.*sent', results["tcp_byte_changed"])
    assert 'actual: "99"' in results["udp_cut_short"]
    assert "-101" in results["icmp_no_answer"]  # ENETUNREACH
