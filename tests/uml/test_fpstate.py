"""A UML runs where the processor has more state than it keeps."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lkltest import cc, cli
from lkltest.errors import UnusableKernel, UsageError
from lkltest.host import process
from lkltest.settings import Settings
from lkltest.uml import Uml, Workaround, by_hand, command, fpstate, usable

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
LARGE = "11008"  # the bytes of a processor with AMX, for hosts that have less
FIRST, SECOND = bytes(range(1, 33)), bytes(range(101, 133))  # what ymm9 has in the two processes of exchange.c
ALL, LEGACY = "0xffffffffffffffff", "3"

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has this state")


@pytest.fixture(scope="session")
def avx() -> None:
    """A processor with AVX."""
    if not re.search(r"^flags\s*:.* avx ", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
        pytest.skip("the processor has no AVX")


def forced(uml: Uml, settings: Settings, wish: str) -> Uml:
    """The UML with a setting of --lkl-uml-fpstate."""
    return replace(uml, settings=replace(settings, uml_fpstate=wish))


@pytest.mark.usefixtures("avx")
@pytest.mark.parametrize(
    ("length", "mask", "upper"),
    [("2696", ALL, "given"), ("65536", ALL, "given"), ("832", LEGACY, "initial"),
     ("576", LEGACY, "own"), ("520", "0", "own"), ("512", "0", "own")],
)  # fmt: skip
def test_short_states(settings: Settings, length: str, mask: str, upper: str) -> None:
    """A state of any length is set: what it has is given, the rest stays, and XSTATE_BV counts for what it has."""
    program = cc.compile_native(PROGRAMS / "exchange.c", settings, static=False)
    done = process.run([*fpstate.preloaded(settings), program, length, mask])
    rows = [line.split() for line in done.output.decode().splitlines()]
    read = min(int(length), fpstate.ask().size)
    assert [row[:3] for row in rows] == [["0", str(read), "0"]] * 2, done.output
    uppers = {"given": (SECOND, FIRST), "own": (FIRST, SECOND), "initial": (bytes(32), bytes(32))}[upper]
    expected = [lower[:16] + upper[16:] for lower, upper in zip((SECOND, FIRST), uppers, strict=True)]
    assert [bytes.fromhex(row[3]) for row in rows] == expected


@pytest.mark.usefixtures("avx")
def test_host_refuses_short_states(settings: Settings) -> None:
    """Without the interposed ptrace(), the host refuses a short state: the other tests are not in vain."""
    program = cc.compile_native(PROGRAMS / "exchange.c", settings, static=False)
    done = process.run([program, "576", ALL])
    assert [line.split()[2] for line in done.output.decode().splitlines()] == [str(errno.EFAULT)] * 2


def test_interposer_needs_no_library(settings: Settings) -> None:
    """The interposer serves every C library: all that it takes from one is where errno is."""
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    library = Path(fpstate.preloaded(settings)[1].removeprefix("LD_PRELOAD=").split(":")[0])
    with library.open("rb") as file:
        dynamic = [part for part in ELFFile(file).iter_segments() if isinstance(part, DynamicSegment)]
        wanted = {s.name for part in dynamic for s in part.iter_symbols() if s.name and s["st_shndx"] == "SHN_UNDEF"}
        libraries = [tag for part in dynamic for tag in part.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]
    assert wanted == {"__errno_location"}
    assert not libraries


def test_filter() -> None:
    """Under the seccomp filter a process can be traced, and its whole state cannot be read, two commands deep."""
    prefix = fpstate.filtered("").prefix
    for answer in (fpstate.ask(prefix), fpstate.ask((*prefix, "/usr/bin/env"))):
        assert (answer.failure, answer.trace, answer.get) == ("", 0, errno.EIO)


@pytest.mark.parametrize("wish", ["ptrace", "seccomp"])
def test_registers_in_uml(uml: Uml, settings: Settings, tmp_path: Path, wish: str) -> None:
    """Tasks of a UML keep their SSE registers either way, and AVX by ptrace; else the C library leaves AVX alone."""
    program = cc.compile_native(PROGRAMS / "registers.c", settings)
    done = process.run(command(forced(uml, settings, wish), program, tmp_path), timeout=120)
    verdicts = {name: verdict for verdict, name in re.findall(r"^(ok|not ok) \d+ (\w+)", done.output.decode(), re.M)}
    kept = ["sse_threads", "sse_processes", *(["avx_threads", "avx_processes"] if wish == "ptrace" else [])]
    assert {name: verdicts.get(name) for name in kept} == dict.fromkeys(kept, "ok"), done.output.decode()
    if wish == "seccomp":
        assert re.search(r"^ok \d+ tunables$", done.output.decode(), re.MULTILINE)


@pytest.mark.parametrize("wish", ["ptrace", "seccomp"])
def test_by_hand(uml: Uml, settings: Settings, tmp_path: Path, wish: str) -> None:
    """The command that a failure prints boots the UML from a shell as well."""
    program = cc.compile_native(PROGRAMS / "half.c", settings)
    (tmp_path / "half").write_bytes(program.read_bytes())
    (tmp_path / "half").chmod(0o755)
    words = by_hand(forced(uml, settings, wish), [], [], "", settings.mem, tmp_path, "half")
    done = process.run(["/bin/sh", "-c", process.command(words)], merge=True, timeout=60)
    assert b"ok 1 first" in done.output, done.output.decode(errors="replace")


@pytest.mark.parametrize(("size", "done"), [("2696", False), ("2697", True), (LARGE, True)])
def test_detection(uml: Uml, settings: Settings, size: str, done: bool) -> None:
    """The size of the host's state decides; what is done says both sizes."""
    around = usable(forced(uml, settings, size))
    assert bool(around.prefix) == done
    sizes = f"with a larger processor state than this UML keeps ({int(size):,} of 2,696 bytes): ptrace interposed"
    assert around.note == (sizes if done else "")


def test_host_is_asked(uml: Uml, settings: Settings) -> None:
    """Without a setting, the host's own size counts."""
    size = fpstate.ask().size
    assert bool(usable(forced(uml, settings, "auto")).note) == (size > 2696)


@pytest.mark.parametrize(
    ("version", "symbol", "done"),
    [("6.12.1", b"", True), ("6.13.0-rc1", b"", False), ("7.0.0", b"", False), ("5.10.0", b"", True),
     ("6.12.1", b"\0host_fp_size\0", False), ("6.13.0", b"\0have_xstate_support\0", True)],
)  # fmt: skip
def test_kernels(
    uml: Uml, settings: Settings, tmp_path: Path, version: str, symbol: bytes, done: bool
) -> None:
    """A UML since 6.13 keeps the whole state; where the executable has symbols, they tell better."""
    path = tmp_path / "linux"
    path.write_bytes(uml.path.read_bytes() + symbol)
    found = forced(replace(uml, path=path, version=version), settings, LARGE)
    assert bool(usable(found).prefix) == done


def test_other_machines(uml: Uml, settings: Settings) -> None:
    """A UML for i386 needs nothing, whatever the host has."""
    assert usable(forced(replace(uml, machine="i386"), settings, LARGE)) == Workaround()


def test_static_executables(uml: Uml, settings: Settings) -> None:
    """For a static executable the filter is set, and the note says why; ptrace() cannot be demanded of it."""
    static = replace(uml, path=cc.compile_native(PROGRAMS / "exchange.c", settings))
    around = usable(forced(static, settings, LARGE))
    assert around.words == (fpstate.TUNABLES,)
    assert "the executable is static" in around.note
    with pytest.raises(UnusableKernel, match=r"is static; --lkl-uml-fpstate=ptrace allows no other way$"):
        usable(forced(static, settings, "ptrace"))


def test_cache_with_blanks(uml: Uml, settings: Settings, tmp_path: Path) -> None:
    """The filter is set where LD_PRELOAD cannot name the interposer, and the note names the cause."""
    around = usable(forced(uml, replace(settings, cache=tmp_path / "a cache"), LARGE))
    assert around.words
    assert "--lkl-cache" in around.note


def test_preload_of_the_user(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that the user loads into all programs is loaded still."""
    monkeypatch.setenv("LD_PRELOAD", "libc.so.6 libm.so.6")
    assert fpstate.preloaded(settings)[1].endswith("/program:libc.so.6:libm.so.6")


DONE = f"with a larger processor state than this UML keeps ({int(LARGE):,} of 2,696 bytes): ptrace interposed"


def test_doctor(uml: Uml, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command `lkltest doctor` says what is done, and how a UML is that cannot be run."""
    monkeypatch.setenv("LKLTEST_UML_FPSTATE", LARGE)
    cli.main(["doctor", "--uml", str(uml.path)])
    assert DONE in capsys.readouterr().out
    assert cli.main(["doctor", "--uml", "/etc/passwd"]) == 2
    assert "/etc/passwd is not an ELF file" in capsys.readouterr().out


def test_header(uml: Uml, pytester: pytest.Pytester) -> None:
    """The kernel's line of the header says what is done."""
    shutil.copy(PROGRAMS / "half.c", pytester.path)
    pytester.makepyfile(test_it="from lkltest import Program\nhalf = Program('half.c')\n")
    options = ["--collect-only", "-p", "no:cacheprovider", f"--uml={uml.path}", f"--lkl-uml-fpstate={LARGE}"]
    result = pytester.runpytest_subprocess(*options, timeout=120)
    assert any(line.startswith(f"kernel {uml.name}: ") and line.endswith(f", {DONE}") for line in result.outlines)


@pytest.mark.parametrize("wish", ["maybe", "-1", "2.5"])
def test_wrong_settings(wish: str) -> None:
    """A setting that is none is refused, and those that are told."""
    with pytest.raises(UsageError, match="none of auto, ptrace, seccomp, none"):
        Settings.load({"uml_fpstate": wish})


@pytest.fixture
def unasked() -> Iterator[None]:
    """A process that has not asked its host yet."""
    fpstate.answered.cache_clear()
    yield
    fpstate.answered.cache_clear()


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    ("python", "probe", "reason"),
    [((sys.executable,), "import os; raise OSError(11, os.strerror(11))", "BlockingIOError.*Resource temporarily .*"),
     (("/no/python",), "", "cannot run /no/python: no /no/python found.*"),
     ((sys.executable,), "import os; os.abort()", ".*SIGABRT.*")],
)  # fmt: skip
def test_host_that_cannot_be_asked(
    uml: Uml, settings: Settings, tmp_path: Path, python: tuple[str, ...], probe: str, reason: str
) -> None:
    """A probe that fails says nothing of ptrace(): that is an error with the reason, and the next start asks anew."""
    path = tmp_path / "probe.py"
    path.write_text(probe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fpstate, "PROBE", path)
        patch.setattr(fpstate, "PYTHON", python)
        text = f"cannot ask this host for the size of its processor state: ({reason})$"
        with pytest.raises(UsageError, match=text) as caught:
            usable(forced(uml, settings, "auto"))
        assert not isinstance(caught.value, UnusableKernel)
    usable(forced(uml, settings, LARGE))


SCRIPT = """
import sys
from dataclasses import replace
from lkltest.errors import UnusableKernel
from lkltest.settings import Settings
from lkltest.uml import default, fpstate, usable
fpstate.COMPILERS = ()
settings = Settings.load({"uml_fpstate": sys.argv[1], "cc": sys.argv[2]})
try:
    print(usable(default(), settings).note)
except UnusableKernel as error:
    print(int(error.exit_code), error)
"""


@pytest.mark.usefixtures("uml")
@pytest.mark.parametrize(
    ("refused", "wish", "compiler", "pattern"),
    [
        ("ptrace", "auto", "gcc", r"2 uml-\S+ cannot run on this host: ptrace\(\) is forbidden here \(Operation .*"),
        ("ptrace", "none", "gcc", r""),
        ("seccomp", LARGE, "gcc", r"with a larger .*: ptrace interposed"),
        ("seccomp", "seccomp", "gcc", r"2 uml-.* no seccomp .*not permitted; --lkl-uml-fpstate=seccomp allows no .*"),
        ("seccomp", LARGE, "no-such-cc", r"2 uml-\S+ cannot .*: a larger .*no C compiler 'no-such-cc'.*no seccomp .*"),
        ("nothing", LARGE, "no-such-cc", r"with a larger .*no C compiler 'no-such-cc'.*: seccomp filter, AVX .*"),
    ],
)
def test_refusing_hosts(refused: str, wish: str, compiler: str, pattern: str) -> None:
    """A way that a container refuses is replaced by the other one; without any, the one reason is told."""
    refusing = [] if refused == "nothing" else [sys.executable, str(HERE / "refusing.py"), refused]
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LKLTEST_UML": ""}
    done = process.run([*refusing, sys.executable, "-c", SCRIPT, wish, compiler], env=env)
    assert done.ok, done.errors.decode()
    assert re.fullmatch(pattern, done.output.decode().rstrip("\n")), done.output.decode()
