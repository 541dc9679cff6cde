"""The kernels that a pytest session runs against."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from lkltest import liblkl
from lkltest.errors import Exit, LkltestError
from lkltest.kernel import Kernel
from lkltest.plugin.session import Choice, settings_of
from lkltest.program import tools
from lkltest.settings import Settings

if TYPE_CHECKING:
    from lkltest.uml import Uml

_BUILT = pytest.StashKey[bool]()  # whether the session has looked after the default kernel
_CHOICES = pytest.StashKey[tuple[Choice, ...]]()


def choices_of(config: pytest.Config) -> tuple[Choice, ...]:
    """The kernels of this session, each with a name of its own; libraries first, then UMLs.

    Raises LkltestError where a path of the user's is no kernel, does not build under --lkl-build, or cannot run
    under the tools that were asked for.
    """
    if _CHOICES not in config.stash:
        settings = settings_of(config)
        runs = not config.option.collectonly
        if runs:
            tools.require(settings)
        with shown_progress(config, settings.build) as progress:
            found = [liblkl.prepare(path, settings, progress) for path in dict.fromkeys(settings.lkl)]
        if runs:
            for kernel in found:
                tools.require_on(kernel, settings)
        names = liblkl.distinct([kernel.name for kernel in found], [kernel.path for kernel in found])
        named = zip(names, found, strict=True)
        choices = [Choice(settings.names.get(kernel.path, name), kernel.path) for name, kernel in named]
        config.stash[_CHOICES] = (*(choices or [Choice(liblkl.default_name(settings), None)]), *_umls(settings))
    return config.stash[_CHOICES]


def _umls(settings: Settings) -> Iterator[Choice]:
    if settings.uml:
        from lkltest import uml

        found = [uml.find(path, settings) for path in dict.fromkeys(settings.uml)]
        names = liblkl.distinct([kernel.name for kernel in found], [kernel.path for kernel in found])
        for name, kernel in zip(names, found, strict=True):
            yield Choice(name, kernel.path, uml=True)


def obtain(choice: Choice, settings: Settings) -> Kernel:
    """The kernel that was chosen, built first where it is the default one."""
    return obtain_uml(choice, settings) if choice.uml else obtain_library(choice, settings)


def obtain_library(choice: Choice, settings: Settings) -> liblkl.Liblkl:
    """The library that was chosen, built first where it is the default one."""
    return liblkl.find(choice.path, settings) if choice.path else liblkl.default(settings)


def obtain_uml(choice: Choice, settings: Settings) -> Uml:
    """The UML that was chosen."""
    from lkltest import uml

    return uml.find(choice.path, settings)


def obtain_usable(choice: Choice, settings: Settings) -> tuple[Kernel, str]:
    """The kernel that was chosen, and the workaround that makes it run on this host; empty where it needs none.

    Raises UnusableKernel where this host cannot run it.
    """
    if not choice.uml:
        return obtain_library(choice, settings), ""
    from lkltest import uml  # takes a while to load, and most sessions have none

    kernel = obtain_uml(choice, settings)
    return kernel, uml.usable(kernel).note


@contextlib.contextmanager
def shown_progress(config: pytest.Config, wanted: bool) -> Iterator[liblkl.Progress]:
    """Show the progress of a possible build on the terminal, past pytest's capturing."""
    if not wanted or hasattr(config, "workerinput"):
        yield liblkl.Silent()
        return
    from lkltest.host.progress import Bar

    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext(), Bar() as bar:
        yield bar


def refuse(message: str, code: int = Exit.USAGE) -> NoReturn:
    """End the session for a mistake that is the user's to mend, or a kernel that does not build."""
    if code == Exit.DOES_NOT_BUILD:
        pytest.exit(message, returncode=code)
    raise pytest.UsageError(message) from None


def require(config: pytest.Config) -> None:
    """Refuse a wrong --lkl or --uml, or a kernel that does not build."""
    try:
        choices_of(config)
    except LkltestError as error:
        refuse(str(error), error.exit_code)


def parametrize(metafunc: pytest.Metafunc) -> tuple[Choice, ...]:
    """Run a test that takes the fixture `kernel` against each kernel of the session that it is for; return these."""
    choices = choices_of(metafunc.config)
    if not getattr(metafunc.function, "lkltest_native", False):
        choices = tuple(choice for choice in choices if not choice.uml)
    only = getattr(metafunc.function, "lkltest_only", None)
    choices = tuple(choice for choice in choices if only is None or choice.name in only)
    metafunc.parametrize("kernel", choices, indirect=True, ids=[choice.name for choice in choices], scope="session")
    return choices


def run_on_default(config: pytest.Config, ids: Iterable[str]) -> bool:
    """Whether the ids of items name the default kernel; those of other tests may begin alike."""
    starts = tuple(f"{liblkl.default_name(settings_of(config))}{end}" for end in ("]", "-"))
    return any(nodeid.partition("[")[2].startswith(starts) for nodeid in ids)


def build_missing(config: pytest.Config) -> None:
    """Fetch and build the default kernel if it is chosen and not there."""
    if config.stash.get(_BUILT, False):
        return
    config.stash[_BUILT] = True
    settings = settings_of(config)
    if all(choice.path for choice in choices_of(config)) or liblkl.is_built(settings):
        return
    try:
        with shown_progress(config, wanted=True) as progress:
            liblkl.default(settings, progress=progress)
    except LkltestError as error:
        refuse(str(error), error.exit_code)

