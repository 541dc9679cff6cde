"""The build of kselftests, statically, in the private copy of their tree."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lkltest.errors import BuildError, UsageError
from lkltest.host import process, programs
from lkltest.host.cache import locked
from lkltest.host.progress import Progress
from lkltest.kselftest.sources import Sources, clean_root
from lkltest.kselftest.tests import Selftest
from lkltest.liblkl.build_tree import FOREIGN
from lkltest.settings import Settings
from lkltest.uml import build as uml_build

TIMEOUT = 1800.0  # seconds for the programs of one target
# Things that the host lacks, rather than the program: a header, a library, a static library, a program of the build.
LACKING = re.compile(
    r"fatal error: (\S+: No such file or directory)|(cannot find -l\S+)|(\S+: (?:command )?not found)"
    r"|(Package \S+ was not found)|(attempted static link of dynamic object \S+)|(cannot specify -static with \S+)"
)
# Runs the compiler of its arguments. A test of how programs are linked says itself how.
STATIC = """\
#!/bin/sh
for word; do
	case $word in -pie | -no-pie | -static-pie | -shared) exec "$@" ;; esac
done
exec "$@" -static
"""
ERROR = re.compile(r"\b(?:error|undefined reference|multiple definition|No rule to make target)\b")


# The libraries that kselftests are linked with, with their headers, by the packages of Debian that have both.
PACKAGES = {
    "cap": "libcap-dev", "sys/capability.h": "libcap-dev", "mnl": "libmnl-dev", "libmnl/libmnl.h": "libmnl-dev",
    "numa": "libnuma-dev", "numa.h": "libnuma-dev", "popt": "libpopt-dev", "popt.h": "libpopt-dev",
    "cap-ng": "libcap-ng-dev", "cap-ng.h": "libcap-ng-dev", "uring": "liburing-dev", "liburing.h": "liburing-dev",
    "fuse": "libfuse-dev", "elf": "libelf-dev", "crypto": "libssl-dev", "keyutils": "libkeyutils-dev",
}  # fmt: skip


class NotBuildable(UsageError):
    """A test program that this host cannot build, statically, for want of something."""


def install_headers(sources: Sources, settings: Settings, progress: Progress) -> None:
    """Install the headers of the tree's kernel, where the tree is a kernel's and they are not there yet."""
    tree, done = sources.tree, sources.headers / "usr/include/linux/version.h"
    installed = (tree / "include/uapi", tree / f"arch/{_architecture()}/include/uapi")
    if not (tree / "Kconfig").is_file() or (done.is_file() and done.stat().st_mtime > max(map(_newest, installed))):
        return
    programs.demand(programs.BUILD, f"building the kselftests of {tree}")
    root = clean_root(sources, progress)
    sources.headers.mkdir(exist_ok=True)
    words = ["make", "-C", str(root), f"O={sources.headers}", f"ARCH={_architecture()}", uml_build.jobs(settings),
             "headers"]  # fmt: skip
    made = process.run([*_clean_environment(), *words], merge=True, timeout=TIMEOUT)
    (sources.home / "headers.log").write_bytes(made.output)
    if not made.ok:
        said = made.output.decode(errors="replace")[-20_000:]
        raise BuildError(f"make headers failed in {tree} with {made.describe()}; the log is "
                         f"{sources.home / 'headers.log'}", output=said)  # fmt: skip
    done.touch()


def _newest(directory: Path) -> float:
    """The time of the latest change below a directory."""
    return max((entry.stat().st_mtime for entry in directory.rglob("*")), default=0.0)


def _architecture() -> str:
    """The architecture of this machine, as the kernel's makefile names it."""
    machine = os.uname().machine
    return {"x86_64": "x86", "aarch64": "arm64"}.get(machine, "x86" if re.fullmatch(r"i[3-6]86", machine) else machine)


def _clean_environment() -> list[str]:
    return ["env", *(word for name in FOREIGN for word in ("-u", name)), "LC_ALL=C"]


def build(sources: Sources, target: str, settings: Settings, progress: Progress) -> None:
    """Build all programs of a target that can be built, up to date."""
    with locked(sources.root, lambda: progress.say(f"another run builds kselftests of {sources.tree}; waiting for it")):
        install_headers(sources, settings, progress)
        words = ["make", "-k", uml_build.jobs(settings), "-C", str(sources.selftests), f"TARGETS={target}",
                 *_compiler(sources, settings)]  # fmt: skip
        made = process.run([*_clean_environment(), *words, "all"], merge=True, timeout=TIMEOUT)
    logs = sources.home / "logs"
    logs.mkdir(exist_ok=True)
    (logs / f"{target.replace('/', '+')}.log").write_bytes(made.output)


def _package(what: str) -> str:
    """The words on the package that has what is missing; empty where that is not known."""
    found = PACKAGES.get(what.removeprefix("cannot find -l").partition(":")[0])
    return f" (on Debian and Ubuntu: apt-get install {found})" if found else ""


def _compiler(sources: Sources, settings: Settings) -> list[str]:
    """The words that make every makefile link statically, however it sets its flags; no sanitizer can be so linked."""
    script = sources.home / "static-cc"
    if not (script.is_file() and os.access(script, os.X_OK)) or script.read_text(encoding="utf-8") != STATIC:
        half = script.with_name(f"{script.name}.{os.getpid()}")  # a run may be killed here, and another one compile
        half.write_text(STATIC, encoding="utf-8")
        half.chmod(0o755)
        half.replace(script)
    return [f"CC={script} {' '.join(settings.cc)}", "USERCFLAGS=-fno-sanitize=all"]


def demand(sources: Sources, test: Selftest, settings: Settings) -> Path:
    """The built program; where there is none, an error with what its build says.

    Raises NotBuildable where this host lacks something for it, BuildError where it does not compile.
    """
    program = sources.selftests / test.target / test.name
    if program.is_file():
        return program
    words = ["make", "-C", str(program.parent), f"OUTPUT={program.parent}", "MAKELEVEL=1",
             *_compiler(sources, settings)]  # fmt: skip
    headers = f"KHDR_INCLUDES=-isystem {sources.root / 'usr/include'}"
    made = process.run([*_clean_environment(), *words, headers, str(program)], merge=True, timeout=TIMEOUT)
    if program.is_file():
        return program
    text = made.output.decode(errors="replace")
    if found := LACKING.search(text):
        what = next(filter(None, found.groups())).rstrip(":")
        raise NotBuildable(f"{test.full} cannot be built statically here: {what}{_package(what)}")
    errors = [line.strip() for line in text.splitlines() if ERROR.search(line)] or text.strip().splitlines()[-5:]
    raise BuildError(f"{test.full} does not build; its first errors:\n" + "\n".join(f"  {line}" for line in errors[:5]),
                     output=text[-20_000:])  # fmt: skip
