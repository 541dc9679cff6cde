"""The `lkltest corpus` command: the programs, and inputs with disk images, that guided fuzzing has kept."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lkltest.errors import Exit, UsageError

if TYPE_CHECKING:
    from lkltest.fuzz.exec.kernel import KernelConfig
    from lkltest.fuzz.gen.store import Store
    from lkltest.fuzz.lang.describe import Description
    from lkltest.fuzz.measure import Measured
    from lkltest.settings import Settings

EPILOG = """\
DIR is a directory that `lkltest fuzz --corpus DIR` has filled. A running fuzzer may use it meanwhile. Its files are
programs (*.prog) and inputs with disk images (*.image): these run on the same kernel, on new images of their recipes.
Those of a file system that the kernel lacks, or whose images this host cannot make, stay, and a line names them. No
program is removed for the sake of an image, because not every session mutates images.

examples:
  lkltest corpus show corpus
  lkltest corpus merge corpus other/corpus
  lkltest corpus min corpus
  lkltest corpus cov corpus
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    smallest = actions.add_parser("min", help="remove the programs and images whose code others reach, too")
    merge = actions.add_parser("merge", help="copy the programs and images of other corpora into one")
    show = actions.add_parser("show", help="print the programs, and how many there are of each scenario; count images")
    cov = actions.add_parser("cov", help="print the lines that programs and images reach, by directory of the kernel")
    for action in (smallest, merge, show, cov):
        action.add_argument("corpus", metavar="DIR", type=Path, help="the corpus")
    merge.add_argument("others", metavar="OTHER", type=Path, nargs="+", help="corpora that are copied from")
    cov.add_argument("--depth", metavar="N", type=int, default=2, help="levels of directories (default: 2)")
    for action in (smallest, cov):
        action.add_argument("--lkl", metavar="PATH", default=None,
                            help="the instrumented kernel (default: the guided variant of the default kernel)")
        action.add_argument("--cache", "--lkl-cache", metavar="DIR", help="cache directory (default: the user's)")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    actions = {"min": smallest, "merge": merge, "show": show, "cov": cov}
    if arguments.action != "merge":
        require(arguments.corpus)
    return int(actions[arguments.action](arguments))


def require(corpus: Path) -> None:
    """Raise UsageError where there is no directory, or none that this user can see."""
    try:
        found = corpus.is_dir()
    except OSError:  # such as a directory on the way that may not be entered
        found = False
    if not found:
        raise UsageError(f"no corpus {corpus}: name a directory that lkltest fuzz --corpus has filled")


def show(arguments: argparse.Namespace) -> Exit:
    """Print the programs."""
    from lkltest.fuzz.gen import store
    from lkltest.fuzz.images.store import SUFFIX as IMAGES
    from lkltest.fuzz.images.store import counted

    scenarios: Counter[str] = Counter()
    for name, text in store.texts(arguments.corpus, complain):
        print(f"{name}\n{text}")
        scenarios[store.scenario_of(text)] += 1
    print(programs(scenarios.total()) + "".join(f", {count} {name}" for name, count in scenarios.most_common()))
    images = len(store.names(arguments.corpus, IMAGES))
    if images:
        print(f"{counted(images)} (*{IMAGES}), not shown")
    return Exit.PASSED


def merge(arguments: argparse.Namespace) -> Exit:
    """Copy programs, and inputs with disk images."""
    from lkltest.fuzz.gen import store
    from lkltest.fuzz.images.store import SUFFIX as IMAGES
    from lkltest.fuzz.images.store import counted as images

    for other in arguments.others:
        require(other)
    for counted, suffix in ((programs, store.SUFFIX), (images, IMAGES)):
        before = len(store.names(arguments.corpus, suffix))
        for other in arguments.others:
            for _, text in store.texts(other, complain, suffix):
                store.put(arguments.corpus, text, suffix)
        after = len(store.names(arguments.corpus, suffix))
        if after or suffix == store.SUFFIX:
            print(f"{arguments.corpus}: {counted(after)}, {after - before} of them new")
    return Exit.PASSED


def smallest(arguments: argparse.Namespace) -> Exit:
    """Remove programs, and inputs with disk images, whose code others reach."""
    from lkltest.fuzz import measure
    from lkltest.fuzz.gen import store as stores
    from lkltest.fuzz.images.store import SUFFIX as IMAGES
    from lkltest.fuzz.images.store import counted as inputs

    stores.require_writable(arguments.corpus)
    measured = list(run_all(*target(arguments)))
    for one in measured:
        if one.edges is None:
            complain(f"{arguments.corpus / one.name} stays: {one.why}")
    idle = set(stores.names(arguments.corpus, IMAGES)) - {one.name for one in measured}
    kept = {one.name for one in measure.cover(measured)}
    for one in measured:
        if one.edges is not None and one.name not in kept:
            stores.remove(arguments.corpus, one.name)
    edges = frozenset[int]().union(*(one.edges or frozenset() for one in measured))
    print(f"{arguments.corpus}: {counted(measured, kept)} reach all {len(edges):,} edges")
    if idle:
        print(f"{inputs(len(idle))} did not run, and {'stays' if len(idle) == 1 else 'stay'}")
    return Exit.PASSED


def programs(number: int) -> str:
    """The number of some programs, in words."""
    return f"{number} program{'' if number == 1 else 's'}"


def counted(measured: Sequence[Measured], kept: Set[str]) -> str:
    """The numbers of programs and inputs with disk images that are kept, of those that ran."""
    kinds = {kind: [one.name for one in measured if one.image is image]
             for kind, image in (("programs", False), ("inputs with disk images", True))}
    told = {kind: names for kind, names in kinds.items() if names or kind == "programs"}
    return " and ".join(f"{len(kept & set(names))} of {len(names)} {kind}" for kind, names in told.items())


def cov(arguments: argparse.Namespace) -> Exit:
    """Print the lines that programs and inputs with disk images reach."""
    from lkltest.coverage import collect, report, summary
    from lkltest.coverage.raw import VARIABLE

    settings, config, description, store = target(arguments)
    with tempfile.TemporaryDirectory(prefix="lkltest-cov-") as folder:
        noting = replace(config, env={**config.env, VARIABLE: folder})
        for _ in run_all(settings, noting, description, store):
            pass
        found = collect.collect(Path(folder), config.executor, config.liblkl, lambda _: "corpus")
    for line in report.table(summary.summarize(found, settings.cache), arguments.depth):
        print(line)
    return Exit.PASSED


def run_all(settings: Settings, config: KernelConfig, description: Description, store: Store) -> Iterator[Measured]:
    """Run the programs and the inputs with disk images of a corpus."""
    from lkltest.fuzz import measure
    from lkltest.fuzz.images import measure as images

    with measure.Gauge(config, description) as gauge:
        yield from gauge.run(list(store.programs()))
    yield from images.measure(store.directory, config.liblkl, settings, complain, config.env)


def target(arguments: argparse.Namespace) -> tuple[Settings, KernelConfig, Description, Store]:
    """The kernel that programs are run on, and the corpus; raises UsageError where the kernel is not instrumented."""
    from lkltest.coverage.collect import require_instrumented
    from lkltest.fuzz import target as targets
    from lkltest.fuzz.exec.kernel import KernelConfig
    from lkltest.fuzz.gen.store import Store
    from lkltest.fuzz.lang.describe import describe

    options = {"lkl": [arguments.lkl] if arguments.lkl else None, "cache": arguments.cache}
    settings = targets.load(options, guided=True)
    liblkl = targets.kernel(settings)
    require_instrumented(liblkl)
    description = describe(liblkl, settings)
    config = KernelConfig.make(liblkl, settings, description.shapes)
    return settings, config, description, Store(arguments.corpus, description, complain=complain)


def complain(sentence: str) -> None:
    """Print a sentence about a file that is left out."""
    print(f"lkltest corpus: {sentence}", file=sys.stderr)
