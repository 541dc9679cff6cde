"""The UML that kselftests run on: built from their tree, with the options that they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lkltest.errors import BuildError, Exit, UsageError
from lkltest.host import process, programs
from lkltest.host.cache import key, locked
from lkltest.host.progress import Progress
from lkltest.kselftest.declaration import SUITABLE
from lkltest.kselftest.sources import Sources, clean_root
from lkltest.kselftest.tests import options_of, target_of
from lkltest.kunit import config
from lkltest.kunit.fingerprint import fingerprint, keep, kept
from lkltest.settings import Settings
from lkltest.uml import Uml, inspect
from lkltest.uml import build as uml_build

OBJECTS = 1500  # compiled for 6.12's default configuration: for the progress bar only
RECORD = "built.json"
# What our init mounts and opens; then what fragments take for granted, as the usual kernels have it, and UML has not.
OURS = dict.fromkeys(
    ("HOSTFS", "TMPFS", "DEVTMPFS", "UNIX98_PTYS", "PROC_FS", "SYSFS", "PRINTK_TIME", "NAMESPACES", "CGROUPS",
     "NETFILTER", "NET_SCHED", "NET_CLS_ACT"), "y",
)  # fmt: skip


def has_kernel(tree: Path) -> bool:
    """Whether the tree is a whole kernel's, from which a UML can be built."""
    return (tree / "Kconfig").is_file() and (tree / "arch/um/Makefile").is_file()


def options(uml: Uml) -> Mapping[str, str]:
    """The configuration that a UML was built with, as it tells itself; nothing is booted."""
    told = process.run([uml.path, "--showconfig"], timeout=60.0)
    lines = told.output.decode(errors="replace").splitlines()
    found = (config.SET.fullmatch(line.strip()) for line in lines)
    return {match[1]: match[2] for match in found if match}


def build(sources: Sources, targets: Sequence[str], settings: Settings, progress: Progress) -> Uml:
    """Build the tree's UML with the options that these kselftests ask for, unless nothing has changed since.

    Options that UML cannot have are left out: the tests are told which. Raises UsageError where the host lacks
    something, and BuildError where make fails.
    """
    wanted = _wanted(sources, targets)
    place = sources.home / "kernels" / key(config.write(wanted))
    linux = place / "build" / "linux"
    with locked(place.parent / place.name, lambda: progress.say(f"another run builds {sources.tree}; waiting for it")):
        if not _is_fresh(linux, sources.tree):
            programs.demand(uml_build.NEEDED, f"building {sources.tree}")
            _make(sources, linux, wanted, settings, progress)
    return inspect(linux)


def _wanted(sources: Sources, targets: Sequence[str]) -> dict[str, str]:
    """The options asked for, each module built in: the UML's root has no modules.

    Those of all targets that suit a UML are among them, so that one kernel serves whichever of these are chosen.
    """
    asked = dict(OURS)
    for target in dict.fromkeys(map(target_of, (*SUITABLE, *targets))):
        asked |= {name: "y" if value == "m" else value for name, value in options_of(sources, target).items()}
    return asked


def _is_fresh(linux: Path, tree: Path) -> bool:
    """Whether the kernel was built from the present state of the sources."""
    before = kept(linux.parent.parent / RECORD, linux)
    return bool(before) and before == fingerprint(tree)


def _make(
    sources: Sources, linux: Path, wanted: Mapping[str, str], settings: Settings, progress: Progress
) -> None:
    """Configure and build; what has been built before is kept."""
    tree, output = sources.tree, linux.parent
    output.mkdir(parents=True, exist_ok=True)
    record, state = output.parent / RECORD, fingerprint(tree)
    record.unlink(missing_ok=True)
    root = clean_root(sources, progress)
    where = f"O={output}"
    log, run = output.parent / "configure.log", [where, uml_build.jobs(settings), "linux"]
    uml_build.make([[where, "defconfig"]], root, log, progress, None)
    with (output / ".config").open("a", encoding="utf-8") as file:
        file.write(config.write(wanted))
    uml_build.make([[where, "olddefconfig"]], root, log, progress, None)
    try:
        log = output.parent / "build.log"
        uml_build.make([run], root, log, progress, OBJECTS, "UML for the kselftests")
    except BuildError as error:
        error.exit_code = Exit.DOES_NOT_BUILD
        raise
    if not linux.is_file():
        raise UsageError(f"make ended well, but left no {linux} (log: {log})")
    keep(record, state, linux)
