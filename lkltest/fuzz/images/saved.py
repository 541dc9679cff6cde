"""Findings with an image: image.txt, the difference to the recipe's image, stands beside the program.

The base images stand in the directory `images` of the session's output, packed, one for all findings that need it: the
same recipe makes another image each time, with other UUIDs and times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from lkltest.errors import UsageError
from lkltest.fuzz import findings
from lkltest.fuzz.exec.protocol import BETWEEN
from lkltest.fuzz.findings import Finding
from lkltest.fuzz.images import csource
from lkltest.fuzz.images.inputs import Input
from lkltest.fuzz.images.shrink import Shrunk
from lkltest.fuzz.images.target import Target, recipes, target
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.repro.report import ReportType
from lkltest.image import archive, scratch_directory
from lkltest.image.metadata import Difference, parse_difference
from lkltest.settings import Settings

IMAGE = "image.txt"
BASES = "images"  # directory of the packed bases, beside the findings
LIMIT = 256 << 20  # bytes of data of a base


def save(directory: Path, shrunk: Shrunk, target: Target, settings: Settings, *, seed: str) -> Finding:
    """Write a finding's directory: whole, or not at all. A finding of the same name is replaced.

    Raises UsageError where it cannot be written.
    """
    with findings.replacing(directory, shrunk.report) as work:
        keep_base(directory / BASES, target)
        return _fill(work, shrunk, target, settings, seed)


def keep_base(directory: Path, target: Target) -> Path:
    """Pack the base of a target, unless it is there."""
    directory.mkdir(parents=True, exist_ok=True)
    path = target.base.path
    return archive.find(directory / path.name) or archive.save(path, directory, LIMIT)


def _fill(work: Path, shrunk: Shrunk, target: Target, settings: Settings, seed: str) -> Finding:
    """Write a finding's files into a directory."""
    report, config = shrunk.report, target.config
    (work / IMAGE).write_text(difference(shrunk.input, target).text(target.metadata), encoding="utf-8")
    (work / "program.txt").write_text(print_program(shrunk.input.program, Namer(target.description)), encoding="utf-8")
    (work / "console.log").write_text(report.console, encoding="utf-8", errors="surrogateescape")
    (work / "stack.txt").write_text(report.stack, encoding="utf-8", errors="surrogateescape")
    kernel = findings.describe_kernel(config.liblkl, config)
    (work / "kernel.txt").write_text(kernel, encoding="utf-8", errors="surrogateescape")
    reproducer = bool(shrunk.times) and _write_reproducer(work, shrunk, target, settings)
    finding = Finding(
        name=report.name, kind=report.type, title=report.title, signature=report.signature, image=target.recipe,
        kernel=config.liblkl.name, version=config.liblkl.version, times=shrunk.times, of=shrunk.of,
        reproducer=reproducer, seed=seed, shrunk=shrunk.complete, examined=bool(shrunk.of), cmdline=config.cmdline,
    )
    (work / findings.DATA).write_text(json.dumps(asdict(finding), indent=1) + "\n", encoding="utf-8")
    return finding


def difference(failing: Input, target: Target) -> Difference:
    """The difference of an input's image to its base."""
    return Difference(target.recipe, target.sha256, target.base.size, failing.changes)


def _write_reproducer(work: Path, shrunk: Shrunk, target: Target, settings: Settings) -> bool:
    """Write reproducer.c if it compiles and fails as the finding does; else it is unconfirmed.c."""
    report = shrunk.report
    about = [
        f"Kernel: {target.config.liblkl.version} ({target.config.liblkl.name}).",
        f"In lkltest's executor this image and these calls failed {shrunk.times} of {shrunk.of} times.",
        findings.CONFIRMED,
        *(["", *report.stack.strip().splitlines()[:14]] if report.stack else []), "",
        f"The base image, made by the recipe {target.recipe}: lkltest unpack ../{BASES}",
        f"Run: ./reproducer ../{BASES}/{target.base.path.name}",
    ]
    path = work / "reproducer.c"
    try:
        source = csource.write(shrunk.input, target, title=report.title, about=about,
                               guarded=report.type == ReportType.OVERRUN, clean=report.call == BETWEEN)
    except (KeyError, ValueError):
        return False
    kept = findings.keep(path, source, report, target.config, settings, [str(target.base.path)])
    return kept is not None


def has_image(finding: Path) -> bool:
    """Whether a finding's directory holds an image's difference."""
    return (finding / IMAGE).is_file()


@contextmanager
def load(finding: Path, settings: Settings) -> Iterator[tuple[Target, Input]]:
    """Read a finding with an image, and unpack its base. Raises UsageError where something is missing."""
    try:
        wanted = parse_difference((finding / IMAGE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {finding / IMAGE}: {error}") from None
    recipe = recipes([wanted.recipe])[0]
    with scratch_directory() as directory:
        packed = [one for one in archive.archives(finding.resolve().parent / BASES) if wanted.sha256[:12] in one.name]
        base = archive.restore(packed[0], directory) if packed else None
        found = target(recipe, settings, directory, base)
        try:
            if found.sha256 != wanted.sha256:
                raise UsageError(
                    f"the image of {finding} is the difference to another image of the recipe {wanted.recipe}: put the "
                    f"packed image with {wanted.sha256[:12]} in its name into {finding.parent / BASES}"
                )
            config = findings.config_of(finding, found.config)
            programs = findings.programs(finding, found.description)
            if len(programs) > 1:
                raise UsageError(f"{finding / 'program.txt'} has {len(programs)} programs: an image has one")
            yield replace(found, config=config), Input(wanted.changes, programs[0])
        finally:
            found.base.close()
