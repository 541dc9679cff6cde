from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.cli import main
from lkltest.errors import UsageError
from lkltest.fuzz import findings
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.fuzz.repro.repro import Reproduction, rate
from lkltest.fuzz.repro.runner import Runner
from lkltest.liblkl import Liblkl
from lkltest.settings import Settings

HARMLESS = 'r0 = openat(AT_FDCWD, "f0", O_RDWR|O_CREAT, 0644)\nfchmod(r0, 0600)\n'
DEADLY = 'r0 = openat(AT_FDCWD, "f0", O_RDWR|O_CREAT, 0644)\nwrite(r0, 8, 5)\n'


def test_what_is_no_finding_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there, and a directory without a finding, are the user's mistakes."""
    assert main(["replay", str(tmp_path / "nothing")]) == 2
    assert "name a directory that lkltest fuzz wrote" in capsys.readouterr().err
    with pytest.raises(UsageError, match="is no finding"):
        findings.load(tmp_path)


def test_a_program_without_calls_is_told(description: Description, tmp_path: Path) -> None:
    """A finding that never came again has no program to be run."""
    (tmp_path / "program.txt").write_text("# nothing\n")
    with pytest.raises(UsageError, match="did not fail again"):
        findings.programs(tmp_path, description)


@pytest.mark.parametrize(("text", "says"), [
    (b"\xff\xfe", "is no program's text"),
    (b"read(0, &out(-4), 1)", "out takes a size"),
    (b"newfstat(0, &stat{nope=3})", "nope"),
])
def test_what_is_no_program_is_told(
    liblkl: Liblkl, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes, says: str
) -> None:
    """A text that cannot be made into calls is the user's mistake, not a failure of the kernel."""
    path = tmp_path / "program.txt"
    path.write_bytes(text)
    assert main(["replay", "--lkl", str(liblkl.path), str(path)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("text", "status", "says"), [(HARMLESS, 0, "nothing failed"), (DEADLY, 1, "SIGSEGV")])
def test_replay_says_whether_it_fails(
    liblkl: Liblkl, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, says: str
) -> None:
    """The command's exit status is 1 where the program still fails, 0 where it does not."""
    path = tmp_path / "program.txt"
    path.write_text(text)
    assert main(["replay", "--lkl", str(liblkl.path), str(path)]) == status
    assert says in capsys.readouterr().out


def test_a_finding_is_written_whole(
    runner: Runner, config: KernelConfig, settings: Settings, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """The directory of a finding has the program, the stack, the kernel, and a C program that was seen to fail."""
    program = parse(DEADLY)
    report = runner.run([program]).report
    assert report is not None
    result = rate([program], report, runner, complete=True)
    finding = findings.save(
        tmp_path, result, config=config, settings=settings, description=runner.description, seed="1"
    )
    place = tmp_path / finding.name
    assert (finding.kind, finding.rate, finding.reproducer) == ("crash", "10 of 10", True)
    assert findings.load(place) == finding
    assert findings.programs(place, runner.description) == [program]
    source = (place / "reproducer.c").read_text()
    assert findings.CONFIRMED in source
    assert 'lkl_sys_openat(LKL_AT_FDCWD, "f0", LKL_O_CREAT|LKL_O_RDWR, 0644)' in source
    assert (place / "stack.txt").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == [finding.name]


def test_a_program_that_was_not_seen_to_fail_says_so(
    runner: Runner, config: KernelConfig, settings: Settings, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """The C program tells how often the calls failed, and that it did not: it is no reproducer."""
    report = runner.run([parse(DEADLY)]).report
    assert report is not None
    result = Reproduction(report, (parse(HARMLESS),), 7, 10)
    finding = findings.save(
        tmp_path, result, config=config, settings=settings, description=runner.description, seed="1"
    )
    text = (tmp_path / finding.name / "unconfirmed.c").read_text()
    assert not finding.reproducer
    assert "these calls failed 7 of 10 times" in text
    assert findings.UNCONFIRMED in text
    assert findings.CONFIRMED not in text


WARNS = "WARNING: CPU: 0 PID: 1 at fs/a.c:7 at_fault+0x1/0x2"
TRACE = "Call Trace:"


@pytest.mark.parametrize(("printed", "title", "frame", "confirmed"), [
    (WARNS, "WARNING: CPU: 0 PID: 1 at fs/a.c:7 at_fault", "at_fault", True),
    (WARNS, "WARNING: CPU: 0 PID: 1 at fs/b.c:9 another", "another", False),
    (f"{WARNS}\\nBUG: KASAN: use-after-free in worse+0x1/0x2", "KASAN: use-after-free in worse", "worse", True),
    ("BUG: KASAN: use-after-free in at_boot+0x1/0x2" + "\\nline" * 200 + "\\n" + WARNS, "WARNING: fs/a.c:7 at at_fault",
     "at_fault", True),
    ("INFO: task a:12 blocked for more than 120 seconds.", "INFO: task a:34 blocked for more than 120 seconds in f",
     "f", True),
    (TRACE, "WARNING: CPU: 0 PID: 1 at fs/a.c:7 at_fault", "at_fault", False),
    ("at_fault: all is well", "WARNING: CPU: 0 PID: 1 at fs/a.c:7 at_fault", "at_fault", False),
])  # fmt: skip
def test_a_complaint_is_confirmed_by_the_same_one(
    config: KernelConfig, settings: Settings, tmp_path: Path, printed: str, title: str, frame: str, confirmed: bool
) -> None:
    """A C program confirms a complaint at the same place, or in the same words where the log names none."""
    source = tmp_path / "reproducer.c"
    source.write_text(f'#include <stdio.h>\nint main(void) {{ puts("{printed}"); return 0; }}\n')
    report = Report(ReportType.CONSOLE, title, (frame,), program=0, call=0, stack="", console="")
    seen = findings.confirm(source, report, config, settings)
    assert seen == (findings.CONFIRMED if confirmed else findings.UNCONFIRMED)


C = '''
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) static void at_fault(void) {{ {body} ; __asm__ volatile(""); }}
int main(void) {{ {before} at_fault(); return 0; }}
'''
CRASHES, ABORTS, LOOPS = "*(volatile int *)8 = 1", "abort()", "for (;;)"
TELLS = r'puts("BUG: failure at fs/a.c:7/at_fault()!\\nKernel panic - not syncing: BUG!"); fflush(stdout);'


@pytest.mark.parametrize(("type", "title", "frame", "body", "before", "seen"), [
    (ReportType.CRASH, "killed by SIGSEGV in at_fault", "at_fault", CRASHES, "", findings.CONFIRMED),
    (ReportType.CRASH, "killed by SIGSEGV in another", "another", CRASHES, "", findings.UNCONFIRMED),
    (ReportType.CRASH, "killed by SIGSEGV in at_fault", "at_fault", "usleep(1)", "", findings.UNCONFIRMED),
    (ReportType.OVERRUN, "the kernel reached past the end", "at_fault", CRASHES, "", findings.CONFIRMED),
    (ReportType.OVERRUN, "the kernel reached past the end", "another", CRASHES, "", findings.UNCONFIRMED),
    (ReportType.PANIC, "BUG: failure at fs/a.c:7/at_fault()!", "at_fault", ABORTS, TELLS, findings.CONFIRMED),
    (ReportType.PANIC, "BUG: failure at fs/b.c:7/another()!", "another", ABORTS, TELLS, findings.UNCONFIRMED),
    (ReportType.PANIC, "BUG: failure at fs/a.c:7/at_fault()!", "at_fault", CRASHES, "", findings.UNCONFIRMED),
    (ReportType.CRASH, "killed by SIGABRT in at_fault", "at_fault", ABORTS, TELLS, findings.UNCONFIRMED),
    (ReportType.HANG, "a call does not return in at_fault", "at_fault", LOOPS, "", findings.CONFIRMED),
    (ReportType.HANG, "a call does not return in another", "another", LOOPS, "", findings.UNCONFIRMED),
    (ReportType.CRASH, "killed by SIGSEGV", "", CRASHES, "", findings.SIGNALLED),
    (ReportType.CRASH, "killed by SIGABRT", "", CRASHES, "", findings.UNCONFIRMED),
    (ReportType.CRASH, "killed by SIGKILL", "at_fault", LOOPS, "", findings.UNCONFIRMED),
])  # fmt: skip
def test_a_failure_is_confirmed_by_the_same_one(
    config: KernelConfig, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    type: ReportType, title: str, frame: str, body: str, before: str, seen: str,
) -> None:
    """Neither any signal nor any timeout confirms a failure: it has the same kind, and the same function."""
    monkeypatch.setattr(findings, "HANG_SECONDS", 3.0)
    monkeypatch.setattr(findings, "BUSY_SECONDS", 0.5 if body == LOOPS else findings.BUSY_SECONDS)
    source = tmp_path / "reproducer.c"
    source.write_text(C.format(body=body, before=before))
    report = Report(type, title, (frame,) if frame else (), program=0, call=0, stack="", console="")
    assert findings.confirm(source, report, config, settings) == seen


@pytest.mark.parametrize(("type", "title", "body", "before", "seen"), [
    (ReportType.CRASH, "killed by SIGSEGV in at_fault", CRASHES, "", findings.SIGNALLED),
    (ReportType.CRASH, "killed by SIGSEGV in at_fault", ABORTS, "", findings.UNCONFIRMED),
    (ReportType.OVERRUN, "the kernel reached past the end", CRASHES, "", findings.SIGNALLED),
    (ReportType.OVERRUN, "the kernel reached past the end", ABORTS, "", findings.UNCONFIRMED),
    (ReportType.PANIC, "BUG: failure at fs/a.c:7/at_fault()!", ABORTS, TELLS, findings.CONFIRMED),
    (ReportType.PANIC, "BUG: failure at fs/a.c:7/at_fault()!", ABORTS, "", findings.UNCONFIRMED),
    (ReportType.HANG, "a call does not return in at_fault", LOOPS, "signal(SIGUSR2, SIG_IGN);", findings.UNENDED),
])  # fmt: skip
def test_without_a_stack_the_c_program_says_so(
    config: KernelConfig, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    type: ReportType, title: str, body: str, before: str, seen: str,
) -> None:
    """The C program's head says what was seen of a run without a stack: a signal, or that it did not end."""
    monkeypatch.setenv("LKLTEST_NO_CRASH_HANDLER", "1")
    monkeypatch.setattr(findings, "HANG_SECONDS", 3.0)
    source = tmp_path / "reproducer.c"
    text = "#include <signal.h>\n" + C.format(body=body, before=before)
    report = Report(type, title, ("at_fault",), program=0, call=0, stack="", console="")
    assert findings.keep(source, f"/* {findings.CONFIRMED} */\n{text}", report, config, settings) == (
        None if seen == findings.UNCONFIRMED else source
    )
    kept = source if source.is_file() else tmp_path / "unconfirmed.c"
    assert kept.read_text() == f"/* {seen} */\n{text}"


def test_a_count_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A full disk, say, is the user's to mend."""
    finding = findings.Finding(
        name="crash-here", kind=ReportType.CRASH, title="a crash", signature=(), kernel="lkl", version="4.9.0",
        times=1, of=1, reproducer=False,
    )
    place = tmp_path / finding.name
    place.mkdir()
    (place / findings.DATA).write_text("{}")
    (place / "finding.new").symlink_to(tmp_path / "nowhere" / "at all")
    with pytest.raises(UsageError, match="cannot write"):
        findings.count(tmp_path, finding)
    assert [path.name for path in place.iterdir()] == [findings.DATA]


def test_the_command_line_reaches_the_kernels(liblkl: Liblkl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lkltest fuzz --lkl-cmdline` adds to the command line of the kernels, as the same option of suites does."""
    found: list[object] = []

    def note(*arguments: object) -> int:
        found.extend(arguments)
        return 0

    monkeypatch.setattr("lkltest.cli.fuzz._fuzz", note)
    given = ["fuzz", "--lkl", str(liblkl.path), "--lkl-cmdline", "panic_on_warn=1", "--output", str(tmp_path)]
    assert main(given) == 0
    (config,) = (each for each in found if isinstance(each, KernelConfig))
    assert "panic_on_warn=1" in config.cmdline.split()
