"""The edges that the inputs with disk images of a corpus reach.

The images of a recipe are made, its inputs run, and so on with the next recipe: all on the kernel of the corpus's
programs, so that edges have the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lkltest.errors import KernelLost, UsageError
from lkltest.fuzz.images import store
from lkltest.fuzz.images.programs import Programs
from lkltest.fuzz.images.store import ImageStore
from lkltest.fuzz.images.target import NotMade, Target, known, recipes, targets
from lkltest.fuzz.images.worker import LIFETIME
from lkltest.fuzz.measure import Entry, Gauge, Measured
from lkltest.liblkl.model import Liblkl
from lkltest.settings import Settings


def measure(
    directory: Path, liblkl: Liblkl, settings: Settings, complain: Callable[[str], None], env: Mapping[str, str]
) -> Iterator[Measured]:
    """Run the inputs of a directory with `env` in the environment of their kernels; `settings` find this kernel.

    Those of a file system that the kernel lacks, or of an image that this host cannot make, do not run; nor do the
    others of a recipe with whose image the kernel is lost. `complain` is given a sentence for each such recipe, and for
    each file that cannot be read.
    """
    for recipe, names in store.by_recipe(directory, complain).items():
        ran = 0
        try:
            if not known(recipes([recipe])[0], liblkl):
                raise UsageError(f"{liblkl.name} has no such file system: name a kernel that has it with --lkl")
            with targets([recipe], settings) as (target,):
                for one in _run(target, directory, names, complain, env):
                    ran += 1
                    yield one
        except (UsageError, NotMade, KernelLost) as error:
            complain(f"{len(names) - ran} of {store.counted(len(names))} of {recipe} did not run: {error}")


def _run(
    target: Target, directory: Path, names: Sequence[str], complain: Callable[[str], None], env: Mapping[str, str]
) -> Iterator[Measured]:
    """Run the inputs of one recipe."""
    inputs = ImageStore(directory, target, complain, names).read(Programs(target, target.recipe).scenarios[0])
    entries = [Entry(made.candidate.file, len(made.calls), made.encode(), image=True) for made in inputs]
    with Gauge(replace(target.config, env={**target.config.env, **env}), target.description, LIFETIME) as gauge:
        yield from gauge.run_encoded(entries)
