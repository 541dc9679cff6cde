"""A guided session on a real kernel of which a part is instrumented."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

from lkltest import liblkl as kernels
from lkltest.fuzz import findings, html
from lkltest.fuzz.exec.feedback import SeenEdges
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.functions import NewFunctions
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.gen.store import STORED
from lkltest.fuzz.images.background import Background
from lkltest.fuzz.lang.describe import describe
from lkltest.fuzz.prog.text import parse_program
from lkltest.fuzz.repro import csource
from lkltest.host import process
from lkltest.settings import Settings


def test_a_session_fills_a_corpus(shared: Path, settings: Settings, tmp_path: Path) -> None:
    """Programs with new edges are kept in the directory, and counted in the report; a blind session keeps none.

    Functions that stored programs reach are no first ones of the next session.
    """
    liblkl = kernels.find(shared)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    kept = {}
    for name in ("guided", "blind"):
        fuzzer = Fuzzer(
            config, description, settings, tmp_path / f"found-{name}", seed=1, workers=1, scenarios=("files",),
            reproduce_seconds=0, guided=name == "guided", corpus=tmp_path / name,
        )
        (tmp_path / f"found-{name}").mkdir()
        try:
            fuzzer.run(300, lambda: None, programs=2000, every=0.1)
            kept[name] = fuzzer.progress.corpus
            assert fuzzer.edges >= sum(fuzzer.progress.edges.values()) > 0
            assert fuzzer.samples[-1].edges == fuzzer.edges
            page = html.write(fuzzer, tmp_path / f"found-{name}").read_text()
            assert f"<th>edges<td>{fuzzer.edges:,}" in page
            assert ("of them added" in page) == (name == "guided")
            assert "<td>files<td class=n>" in page
            assert list(fuzzer.first_reached.sources.items()) == [("lkl_syscall", "files")]
            assert re.search("<code>lkl_syscall</code><td>[^<]*traced_call.c<td>files<td><details>", page)
        finally:
            fuzzer.close()
    assert kept["guided"] > 0
    assert kept["blind"] == 0
    assert 0 < len(list((tmp_path / "guided").glob("*.prog"))) <= kept["guided"]
    assert not (tmp_path / "blind").exists()
    again = Fuzzer(
        config, description, settings, tmp_path / "found-guided", seed=2, workers=1, scenarios=("files",),
        reproduce_seconds=0, corpus=tmp_path / "guided",
    )
    try:
        again.run(300, lambda: None, programs=1, every=0.1)
        assert again.first_reached.by_stored == {"lkl_syscall"}
        assert not again.first_reached.sources
        assert again.progress.edges[STORED] > 0
    finally:
        again.close()


def test_images_beside_a_session_share_its_map_of_edges(shared: Path, settings: Settings, tmp_path: Path) -> None:
    """Edges by recipe, functions with their programs, and the corpus come from the process that mounts the images."""
    seen, reached = SeenEdges(), list[NewFunctions]()
    images = Background(
        ["ext4"], kernels.find(shared), replace(settings, lkl=(shared,)), tmp_path, seed=1, loops=1, seen=seen,
        reproduce_seconds=0, reach=reached.append, corpus=tmp_path / "corpus",
    )
    images.hurry.set()  # nothing is reproduced
    thread = threading.Thread(target=images.run, args=(300.0,), daemon=True)
    thread.start()
    while thread.is_alive() and not images.edges.total():
        thread.join(0.1)
    images.stop.set()
    thread.join()
    assert images.complaint == ""
    assert images.edges["ext4"] == len(seen) > 0
    assert [(one.source, one.functions[0][0], one.program is not None) for one in reached] == [
        ("ext4", "lkl_syscall", True)
    ]
    assert list((tmp_path / "corpus").glob("*.image"))
    seen.close()


def test_a_reproducer_links_with_an_instrumented_kernel(shared: Path, settings: Settings, tmp_path: Path) -> None:
    """The C program of a finding defines the functions that such a kernel calls, and runs."""
    liblkl = kernels.find(shared)
    description = describe(liblkl, settings)
    program = parse_program("getpid()\n", description.headers.constants, description.produces)
    source = csource.write([program], description, liblkl, title="", about=(), mem=settings.mem, cmdline="")
    path, binary = tmp_path / "it.c", tmp_path / "it"
    path.write_text(source)
    compiled = process.run(findings.command(liblkl, settings, path, binary), timeout=100, merge=True)
    assert compiled.ok, compiled.output.decode()
    assert b"lkl_sys_getpid() = 1\n" in process.run([binary], timeout=100, merge=True).output
