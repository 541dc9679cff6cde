"""A published bug that Linux has fixed long ago is found again once its fix is taken out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lkltest import liblkl as kernels
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import describe
from lkltest.settings import Settings

PATCH = Path(__file__).parent / "uncork.patch"
TEN_MINUTES = 600.0


@pytest.mark.skipif(
    not os.environ.get("LKLTEST_SLOW"),
    reason="builds a kernel (4 minutes) and fuzzes it up to ten: set LKLTEST_SLOW=1",
)
def test_uncork(settings: Settings, tmp_path: Path) -> None:
    """The panic of CVE-2013-4162 is found within ten minutes, and mailed as a program of three calls."""
    kernel = kernels.default(settings, recipe=kernels.FAST, patch=PATCH)
    description = describe(kernel, settings)
    config = KernelConfig.make(kernel, settings, description.shapes)
    fuzzer = Fuzzer(config, description, settings, tmp_path, seed=1, workers=len(os.sched_getaffinity(0)))

    def tick() -> None:
        if any("udp_v6_push_pending_frames" in finding.signature for finding in fuzzer.findings.values()):
            fuzzer.stop.set()

    try:
        fuzzer.run(TEN_MINUTES, tick, every=0.1)
    finally:
        fuzzer.close()
    (place,) = [path for path in tmp_path.iterdir() if "udp_v6_push_pending_frames" in path.name]
    finding = json.loads((place / "finding.json").read_text())
    assert finding["kind"] == "panic"
    assert finding["times"] == 10
    assert (place / "reproducer.c").is_file()
    assert (place / "program.txt").read_text().count("\n") <= 5
