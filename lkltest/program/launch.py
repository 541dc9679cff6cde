"""The command that runs a C test program on a kernel."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from lkltest import cc
from lkltest.kernel import Kernel
from lkltest.liblkl.model import Generation, Liblkl
from lkltest.program import tools, tree
from lkltest.program.command import Launch
from lkltest.program.declaration import Arguments, Call, Program, TreeProgram
from lkltest.program.table import Declared, read, read_compiled
from lkltest.settings import Settings
from lkltest.tap.dialect import Dialect

if TYPE_CHECKING:
    from lkltest.uml.model import Uml

# The arguments that name a program's disk images: under UML these become block devices.
UML_DISKS = {"disk=": "/dev/ubda", "second_disk=": "/dev/ubdb"}

# Makes a UML's init write what it reaches to a file of its root: see harness/lkltest/internal/kcov.h.
KCOV = "LKLTEST_KCOV=/kcov.cov"


def prepare(
    program: Program, source: Path, kernel: Kernel, arguments: Arguments, settings: Settings, scratch: Path
) -> Launch:
    """Compile a program for `kernel`; return how to run it with `arguments`.

    A UML gets its root below the directory `scratch`, which must not exist, and which the caller removes.
    Raises BuildError where it does not compile, UsageError where something that it takes is missing.
    """
    call = Call.of(arguments)
    if _is_init_of(kernel):
        return _prepare_init(program, source, kernel, call, settings, scratch)
    assert _is_linked_with(kernel)
    executable, options = _compile(program, source, kernel, settings)
    tool = tools.choose(kernel, settings, scratch.parent)
    return Launch(
        argv=(*call.wrapper, *settings.wrapper, *tool.prefix, str(executable), *options, *call.arguments),
        program=executable,
        # A runner that is killed outright must not leave its program behind.
        env={"LKLTEST_PDEATHSIG": "1", **_home(kernel, scratch), **tools.sanitizer_options(settings, os.environ)},
        foreground=tool.foreground,
        timeout_factor=tool.timeout_factor,
        memcheck=tool.memcheck,
        trace=tool.trace,
        dialect=_dialect(program, source),
    )


def _dialect(program: Program, source: Path) -> Dialect | None:
    """LKL's own, where a tree's program has a table: UML's library mode prints it under `TAP version 13`."""
    return Dialect.LKL if isinstance(program, TreeProgram) and read(source) else None


def _home(kernel: Liblkl, scratch: Path) -> dict[str, str]:
    """The home directory for UML's library mode, which leaves a directory in ~/.uml at each start."""
    return {"HOME": str(scratch.parent)} if kernel.generation is Generation.UML and scratch.is_absolute() else {}


def _is_linked_with(kernel: Kernel) -> TypeGuard[Liblkl]:
    return kernel.linked


def _is_init_of(kernel: Kernel) -> TypeGuard[Uml]:
    return not kernel.linked


def _compile(program: Program, source: Path, kernel: Liblkl, settings: Settings) -> tuple[Path, list[str]]:
    """The executable, and the arguments that it takes as every program of its kind does."""
    if isinstance(program, TreeProgram):
        return compile_for(program, kernel, settings), []
    options = [f"--mem={settings.mem}"]
    if settings.cmdline:
        options.append(f"--cmdline={settings.cmdline}")
    return cc.compile(source, kernel, settings, flags=program.flags), options


def compile_for(program: TreeProgram, kernel: Liblkl, settings: Settings) -> Path:
    """Compile a kernel tree's own program; return the executable."""
    source, others, flags = _of_tree(program, kernel)
    return cc.compile(source, kernel, settings, flags=flags, others=others)


def points_for(program: Program, kernel: Kernel, settings: Settings) -> tuple[Declared, ...]:
    """The points of a kernel tree's own program, of which the tree's configuration may leave some out."""
    assert _is_linked_with(kernel)
    source, _, flags = _of_tree(program, kernel)
    preprocess = partial(cc.preprocess, source=source, liblkl=kernel, settings=settings, flags=flags)
    return read_compiled(source, preprocess)


def _of_tree(program: Program, kernel: Liblkl) -> tuple[Path, list[Path], tuple[str, ...]]:
    """The source with a tree program's main, its others, and its flags."""
    source, *others = (*tree.sources(kernel, program.source), tree.ATTACHED)
    # One that is linked with the static library may open the shared one by its name, as test-dlmopen does.
    rpath = ("-Xlinker", "-rpath", "-Xlinker", str(kernel.shared.parent)) if kernel.shared else ()
    return source, others, (*tree.flags(source, others), *rpath, *program.flags)


def _prepare_init(
    program: Program, source: Path, kernel: Uml, call: Call, settings: Settings, scratch: Path
) -> Launch:
    """The launch of a program as the init of a UML."""
    from lkltest import uml

    executable = cc.compile_native(source, settings, flags=program.flags)
    inside: list[str] = []
    disks: dict[str, Path] = {}
    for argument in call.arguments:
        name = next((name for name in UML_DISKS if argument.startswith(name)), None)
        if name is not None:
            disks[name] = Path(argument.removeprefix(name))
        inside.append(name + UML_DISKS[name] if name is not None else argument)
    scratch.mkdir(parents=True)
    argv = uml.command(
        kernel,
        executable,
        scratch,
        mem=settings.mem,
        args=inside,
        disk=disks.get("disk="),
        second_disk=disks.get("second_disk="),
        cmdline=f"{settings.cmdline} {KCOV}" if settings.cov else settings.cmdline,
    )
    images = [disks.get(name) for name in UML_DISKS]
    boot = partial(uml.by_hand, kernel, images, inside, settings.cmdline, settings.mem)
    return Launch(tuple(argv), executable, native=True, boot=boot)
