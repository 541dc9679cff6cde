"""A guided session on a real kernel of which a part is instrumented."""

from __future__ import annotations

from pathlib import Path

from lkltest import liblkl as kernels
from lkltest.fuzz import html
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.fuzzer import Fuzzer
from lkltest.fuzz.lang.describe import describe
from lkltest.settings import Settings


def test_a_session_fills_a_corpus(shared: Path, settings: Settings, tmp_path: Path) -> None:
    """Programs with new edges are kept in the directory, and counted in the report; a blind session keeps none."""
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
            assert ("programs added" in page) == (name == "guided")
            assert "<td>files<td class=n>" in page
        finally:
            fuzzer.close()
    assert kept["guided"] > 0
    assert kept["blind"] == 0
    assert 0 < len(list((tmp_path / "guided").glob("*.prog"))) <= kept["guided"]
    assert not (tmp_path / "blind").exists()
