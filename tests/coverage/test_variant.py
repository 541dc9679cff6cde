"""The instrumented variant of the default kernel: only where it is built, or LKLTEST_SLOW=1 lets it be built."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cc, cli
from lkltest import liblkl as kernels
from lkltest.coverage import data
from lkltest.coverage.collect import collect
from lkltest.coverage.raw import VARIABLE
from lkltest.coverage.summary import Summary, summarize
from lkltest.host import process
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

BOOT = Path(__file__).parents[2] / "suites/boot/boot.c"


@pytest.fixture(scope="module")
def variant(liblkl: Liblkl, settings: Settings) -> Liblkl:  # noqa: ARG001 -- the mark of tests with a kernel
    """The instrumented kernel."""
    chosen = replace(settings, variant="coverage")
    if not kernels.is_built(chosen) and os.environ.get("LKLTEST_SLOW") != "1":
        pytest.skip("the kernel is not built: run `lkltest build --variant coverage`, or set LKLTEST_SLOW=1")
    return kernels.default(chosen)


def functions(summary: Summary, file: str) -> set[str]:
    """The functions of a source file that were reached."""
    return {name for found in summary.find(file) for name, contexts in found.functions.items() if contexts}


def test_points_reach_their_system_calls(variant: Liblkl, settings: Settings, tmp_path: Path) -> None:
    """The code of getpid is reached by its point alone; every address is known, and addr2line agrees on the lines."""
    program = cc.compile(BOOT, variant, settings)
    (tmp_path / "raw").mkdir()
    done = process.run([program, "--only=start_kernel,getpid"], env={VARIABLE: str(tmp_path / "raw")}, timeout=300)
    assert done.ok, done.describe()
    found = collect(tmp_path / "raw", program, variant, lambda point: point)
    parts = (found, found.only("^getpid$"), found.only("^start_kernel$"))
    whole, getpid, start = (summarize(part, settings.cache) for part in parts)
    assert whole.strays == 0
    assert any("getpid" in name for name in functions(getpid, "kernel/sys.c"))
    assert not any("getpid" in name for name in functions(start, "kernel/sys.c"))
    assert "start_kernel" in functions(whole, "init/main.c")
    assert 0 < whole.below("fs/btrfs").percent < whole.below("init").percent
    ((_, contexts),) = found.modules.items()
    sample = sorted(address for addresses in contexts.values() for address in addresses)[::50]
    text = "".join(f"{address - 1:x}\n" for address in sample).encode()
    lines = process.run(["addr2line", "-e", program], stdin=text, timeout=300).output.decode().splitlines()
    for line in lines:
        path, _, number = line.split(" (")[0].rpartition(":")
        if number.isdigit() and int(number):
            assert any(file.lines.get(int(number)) for file in whole.find(os.path.normpath(path))), line


def test_the_fuzzer_collects(
    variant: Liblkl, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines that the fuzzer's kernels reach are saved and reported. UDP: no finding to reproduce."""
    where = ["--cov", str(tmp_path / "cov"), "--output", str(tmp_path / "out")]
    cli.main(["fuzz", "--lkl", str(variant.path), "--time", "5", "--workers", "1", "--seed", "1",
              "--scenario", "udp", *where])  # fmt: skip
    assert "TOTAL" in capsys.readouterr().out
    summary = summarize(data.load([tmp_path / "cov"]), settings.cache)
    assert summary.strays == 0
    assert "udp_sendmsg" in functions(summary, "net/ipv4/udp.c")
    assert [path.name for path in (tmp_path / "cov").iterdir() if path.name.startswith("raw-")] == []


def test_a_guided_session_mutates_images(
    variant: Liblkl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its images reach code of file systems that no program has reached; they share its map of edges and its report."""
    cli.main(["fuzz", "--lkl", str(variant.path), "--corpus", str(tmp_path / "corpus"), "--time", "40", "--workers",
              "1", "--seed", "1", "--reproduce-time", "0", "--output", str(tmp_path / "out")])  # fmt: skip
    told = re.search(r"([\d,]+) disk images, which reached ([\d,]+) of the edges first: .* by ext4",
                     capsys.readouterr().out)
    assert told
    images, edges = (int(number.replace(",", "")) for number in told.groups())
    assert images > 10
    assert edges > 3000
    assert "<td>ext4<td" in (tmp_path / "out/report.html").read_text()
