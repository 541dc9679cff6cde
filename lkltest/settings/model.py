"""The one place that knows options, environment variables and defaults."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from lkltest.errors import UsageError


def seconds(text: str) -> float:
    """Parse a positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise ValueError("not a positive number of seconds")
    return value


def count(text: str) -> int:
    """Parse a whole number that is not negative."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("not a whole number")
    return int(text)


def memory(text: str) -> int:
    """Parse a size such as "64M" or "1G" into bytes."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (text[:-1], units.get(text[-1:].upper(), 0)) if text[-1:].isalpha() else (text, 1)
    value = int(number) * unit if number.isascii() and number.isdigit() else 0
    if value <= 0:
        raise ValueError("not a size such as 64M")
    return value


def switch(text: str) -> bool:
    """Parse a truth value, as environment variables write it."""
    value = text.strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"", "0", "false", "no", "off"}:
        return False
    raise ValueError("neither 1 nor 0")


def fpstate(text: str) -> str:
    """Parse what is done where a UML keeps less of the processor's state than the host has; see `uml.fpstate`."""
    if text not in {"auto", "ptrace", "seccomp", "none"} and not (text.isascii() and text.isdigit()):
        raise ValueError("none of auto, ptrace, seccomp, none, or the host's state in bytes")
    return text


def words(text: str) -> tuple[str, ...]:
    """Split a shell-quoted list of words."""
    return tuple(shlex.split(text))


def path(text: str) -> Path:
    """Make a path absolute; "~" is the home directory."""
    if not text:
        raise ValueError("an empty path")
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 -- keeps symbolic links as given


def bound(text: str) -> tuple[str, float]:
    """Parse "80", or "fs/ext4=60" for one directory: a share in percent."""
    directory, _, number = text.rpartition("=")
    try:
        share = float(number)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise ValueError("not a share in percent, such as 80 or fs/ext4=60")
    return directory, share


def setting(
    default: Any, parse: Callable[[str], Any], help: str, *, option: str, metavar: str = "", repeat: bool = False,
    alone: str | None = None,
) -> Any:
    """Declare one setting: its option, how its text is read, and its help.

    `repeat` is for an option that may be given several times, and whose values make a tuple; the environment
    separates them by colons, as in PATH. `alone` is the text of an option that is given without one.
    """
    about = {"parse": parse, "help": help, "option": option, "metavar": metavar, "repeat": repeat, "alone": alone}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Settings:
    """Everything a user can set. Each field is an option, and an environment variable LKLTEST_<FIELD>."""

    lkl: tuple[Path, ...] = setting(
        (), path, "a built LKL tree, prefix or library to test (repeat it for several kernels; "
        "default: the npm package's, built once)", option="--lkl", metavar="PATH", repeat=True,
    )
    variant: str = setting("default", str, "which default kernel: default, fast (without btrfs), coverage, or guided",
                           option="--lkl-variant", metavar="NAME")
    mem: int = setting(64 << 20, memory, "memory of the kernel, such as 64M", option="--lkl-mem", metavar="SIZE")
    cmdline: str = setting("", str, "added to the kernel's command line", option="--lkl-cmdline", metavar="TEXT")
    timeout: float = setting(120.0, seconds, "timeout of a whole program, in seconds",
                             option="--lkl-timeout", metavar="SECONDS")
    point_timeout: float = setting(30.0, seconds, "timeout of one test point, in seconds",
                                   option="--lkl-point-timeout", metavar="SECONDS")
    restarts: int = setting(3, count, "how often a program is started again after its kernel was lost in a point "
                            "(default: 3; 0: never)", option="--lkl-restarts", metavar="N")
    strict: bool = setting(False, switch, "a skip is a failure", option="--lkl-strict")
    build: bool = setting(False, switch, "rebuild the kernel first where its sources are newer", option="--lkl-build")
    jobs: int = setting(0, count, "parallel jobs of a kernel build (default: one a core)",
                        option="--lkl-jobs", metavar="N")
    cc: tuple[str, ...] = setting(("gcc",), words, "C compiler of the test programs",
                                  option="--lkl-cc", metavar="CMD")
    cflags: tuple[str, ...] = setting((), words, "added to the compiler's flags",
                                      option="--lkl-cflags", metavar="FLAGS")
    wrapper: tuple[str, ...] = setting((), words, "command that runs the test programs, such as qemu-arm-static",
                                       option="--lkl-wrapper", metavar="CMD")
    gdb: bool = setting(False, switch, "run programs under gdb at this terminal (with -s)", option="--lkl-gdb")
    valgrind: bool = setting(False, switch, "run programs under valgrind's memcheck", option="--lkl-valgrind")
    strace: bool = setting(False, switch, "run programs under strace; the trace is an artifact", option="--lkl-strace")
    passthrough: bool = setting(False, switch, "show the raw output of programs as it comes",
                                option="--lkl-passthrough")
    artifacts: Path | None = setting(None, path, "where what a failure needs is kept (default: ./lkltest-artifacts)",
                                     option="--lkl-artifacts", metavar="DIR")
    artifacts_size: int = setting(2 << 30, memory, "the room that artifacts may take, such as 500M; the oldest runs' "
                                  "are removed first (default: 2G)", option="--lkl-artifacts-size", metavar="SIZE")
    artifacts_runs: int = setting(100, count, "programs whose artifacts are kept; the oldest are removed first "
                                  "(default: 100)", option="--lkl-artifacts-runs", metavar="N")
    json: Path | None = setting(None, path, "write the results of a session there as KernelCI and kunit.py have them",
                                option="--lkl-json", metavar="FILE")
    kcidb: Path | None = setting(None, path, "write the results of a session there as KCIDB takes them",
                                 option="--lkl-kcidb", metavar="FILE")
    cov: Path | None = setting(None, path, "collect coverage on an instrumented kernel (lkltest build --variant "
                               "coverage), into DIR (default: ./lkltest-cov)", option="--lkl-cov", metavar="DIR",
                               alone="lkltest-cov")
    cov_append: bool = setting(False, switch, "keep the coverage that DIR has already", option="--lkl-cov-append")
    cov_fail_under: tuple[tuple[str, float], ...] = setting(
        (), bound, "fail where coverage is less: 80, or fs/ext4=60 for one directory (may be repeated)",
        option="--lkl-cov-fail-under", metavar="[DIR=]PERCENT", repeat=True,
    )
    html: Path | None = setting(None, path, "write a page of this session: points by kernels, failures by cause, logs, "
                                "times, boots (docs/reports.md)", option="--lkl-html", metavar="FILE")
    known: Path | None = setting(None, path, "a list of known failures, which fail nothing (docs/known-failures.md)",
                                 option="--lkl-known", metavar="FILE")
    images: tuple[Path, ...] = setting((), path, "directory with more image recipes",
                                       option="--lkl-images", metavar="DIR", repeat=True)
    image: tuple[Path, ...] = setting((), path, "an image file of yours to run the disk suite on; never written to",
                                      option="--lkl-image", metavar="FILE", repeat=True)
    cuts: int = setting(8, count, "power cuts to judge for each file system", option="--lkl-cuts", metavar="N")
    uml: tuple[Path, ...] = setting((), path, "a User Mode Linux executable (default: linux.uml)",
                                    option="--uml", metavar="PATH", repeat=True)
    uml_fpstate: str = setting("auto", fpstate, "where the processor has more state than a UML keeps: ptrace, seccomp "
                               "(see docs/uml.md), none, auto, or auto as if the state had that number of bytes",
                               option="--lkl-uml-fpstate", metavar="HOW")
    kunit_tree: Path | None = setting(None, path, "a kernel tree whose KUnit tests are built and run (docs/kunit.md)",
                                      option="--lkl-kunit-tree", metavar="DIR")
    kunitconfig: tuple[str, ...] = setting((), str, "a Kconfig fragment, or a directory with a .kunitconfig, for the "
                                           "kernel of --lkl-kunit-tree", option="--lkl-kunitconfig", metavar="PATH",
                                           repeat=True)
    kconfig_add: tuple[str, ...] = setting((), str, "one more option for the kernel of --lkl-kunit-tree",
                                           option="--lkl-kconfig-add", metavar="CONFIG_X=Y", repeat=True)
    kunit_alltests: bool = setting(False, switch, "as many KUnit tests as a UML can have",
                                   option="--lkl-kunit-alltests")
    kselftest_tree: Path | None = setting(None, path, "a kernel tree whose kselftests are built, and run in a UML "
                                          "(docs/kselftest.md)", option="--lkl-kselftest-tree", metavar="DIR")
    kselftest_target: tuple[str, ...] = setting(
        (), str, "a directory of the tree's kselftests, such as timers, or tests of one: 'net:reuse*' (default: those "
        "that suit a UML)", option="--lkl-kselftest-target", metavar="NAME", repeat=True,
    )
    tap_excuse_skips: bool = setting(
        False, switch, "`not ok 1 # SKIP` of a --tap-program is a skip, as bats -F tap13 and cmocka mean it",
        option="--tap-excuse-skips",
    )
    fuzz_time: float = setting(0.0, seconds, "seconds that each fuzz property may take (default: by profile)",
                               option="--lkl-fuzz-time", metavar="SECONDS")
    fuzz_examples: int = setting(0, count, "examples of each fuzz property (default: by profile)",
                                 option="--lkl-fuzz-examples", metavar="N")
    fuzz_profile: str = setting("ci", str, "ci (the same examples in every run), dev or night",
                                option="--lkl-fuzz-profile", metavar="NAME")
    cache: Path = setting(Path(), path, "cache directory (default: the user's)", option="--lkl-cache", metavar="DIR")

    names: Mapping[Path, str] = field(default_factory=dict)  # of the kernels that a settings file names

    @classmethod
    def load(
        cls,
        options: Mapping[str, Any],
        file: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] = os.environ,
        ini: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Take each setting from `options`, else LKLTEST_<FIELD>, else pytest's `ini`, else `file`, else its default.

        All but the environment are keyed by field name; values are texts, lists of texts, or booleans, or None.
        `file` (see `lkltest.settings.file`) may have a table "kernels" of paths by name, for --lkl to choose from;
        where nothing is chosen it is all of them. Raises UsageError naming the origin of a text that cannot be read.
        """
        file = file or {}
        kernels: Mapping[str, str] = file.get("kernels", {})
        values: dict[str, Any] = {"names": {path(text): name for name, text in kernels.items()}}
        for item in options_of(cls):
            about = item.metadata
            variable = f"LKLTEST_{item.name.upper()}"
            sources = {about["option"]: options.get(item.name), variable: environment.get(variable),
                       f"{ini_name(about['option'])} in pytest's settings": (ini or {}).get(item.name),
                       f"{item.name} in {file.get('path', 'the settings file')}": file.get(item.name)}
            for origin, given in sources.items():
                if given in (None, False, [], ""):
                    continue
                values[item.name] = _read(item, origin, given, variable, kernels)
                break
        if kernels and "lkl" not in values:
            values["lkl"] = tuple(values["names"])
        if values.get("cache", Path()) == Path():
            import platformdirs  # costs 10 ms, and pytest runs that have nothing to do with LKL never come here

            try:
                values["cache"] = platformdirs.user_cache_path("lkltest")
            except RuntimeError:
                raise UsageError(
                    f"no directory for the cache: HOME is not set, and the user {os.getuid()} has no home; "
                    "set HOME, or name a directory with LKLTEST_CACHE"
                ) from None
        return cls(**values)


def options_of(settings: type[Settings]) -> tuple[Field[Any], ...]:
    """The fields that a user can set."""
    return tuple(item for item in fields(settings) if "option" in item.metadata)


def ini_name(option: str) -> str:
    """The pytest setting of an option: "--lkl-timeout" is lkl_timeout."""
    return option.lstrip("-").replace("-", "_")


def _read(item: Field[Any], origin: str, given: Any, variable: str, kernels: Mapping[str, str]) -> Any:
    """The value of a setting from what was given for it."""
    parse, repeat = item.metadata["parse"], item.metadata["repeat"]
    texts: list[Any] = [given] if isinstance(given, (str, bool, int, float)) else list(given)
    if repeat and origin == variable:
        texts = [text for text in given.split(os.pathsep) if text]
    if item.name == "lkl":
        texts = [kernels.get(text, text) for text in texts]
    try:
        values = [text if isinstance(text, bool) else parse(str(text)) for text in texts]
    except ValueError as error:
        raise UsageError(f"{origin}: cannot use {given!r}: {error}") from None
    return tuple(values) if repeat else values[-1]
