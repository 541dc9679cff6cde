from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lkltest.cli import main
from lkltest.errors import UsageError
from lkltest.fuzz import findings
from lkltest.fuzz.exec.kernel import KernelConfig
from lkltest.fuzz.lang.describe import Description
from lkltest.fuzz.lang.naming import Namer
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Pointer, Program, Ref
from lkltest.fuzz.repro import csource
from lkltest.fuzz.repro.minimize import Deadline, minimize, minimize_list
from lkltest.fuzz.repro.report import ReportType
from lkltest.fuzz.repro.repro import rate
from lkltest.fuzz.repro.runner import Runner
from lkltest.host import process
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
    """Its directory has the program, the stack, the kernel, and a C program that was seen to fail."""
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
    assert 'lkl_sys_openat(LKL_AT_FDCWD, "f0", LKL_O_CREAT|LKL_O_RDWR, 0644)' in source
    assert (place / "stack.txt").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == [finding.name]


def test_shrinking_keeps_what_the_failure_needs(
    description: Description, parse: Callable[[str], Program]
) -> None:
    """Calls that are not needed go, results are renumbered, arguments become simpler and buffers short."""
    program = parse(
        'getpid()\nr0 = openat(AT_FDCWD, "f1", O_RDWR|O_CREAT|O_NONBLOCK|O_TRUNC, 0644)\nr1 = dup(r0)\ngetuid()\n'
        'r2 = dup(r1)\nwrite(r2, &b"abcdefghijklmnopqrstuvwxyz", 26)\nclose(r0)\n'
    )
    tried: list[Program] = []

    def fails(candidate: Program) -> bool:
        """A file that is open, by whatever descriptor, and one byte at least."""
        tried.append(candidate)
        opened = {"openat"} & {call.name for call in candidate.calls}
        return bool(opened) and any(
            call.name == "write" and isinstance(call.args[0], Ref) and call.args[2] != 0 for call in candidate.calls
        )

    small = minimize(program, description, fails, Deadline(20))
    assert print_program(small) == 'r0 = openat(0, "f1", 2048, 0)\nwrite(r0, &fill(1, 0x0), 1)\n'
    assert len(tried) < 100


def test_shrinking_stays_within_the_description(description: Description, parse: Callable[[str], Program]) -> None:
    """A command is not made into another one, which might take another structure than the one that is there."""
    program = parse("ioctl(0, TCGETS, &out(512))\n")
    small = minimize(program, description, lambda _: True, Deadline(20))
    assert description.fits(small.calls[0])


def test_fewest_finds_a_minimum() -> None:
    """No single item can be taken from what is left."""
    assert minimize_list(range(100), lambda kept: {7, 42, 93} <= set(kept), Deadline(20)) == [7, 42, 93]


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


def test_a_structure_is_shown_with_the_room_behind_it(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """An ioctl's argument is longer than its structure: a reader sees the structure, the kernel all of it."""
    program = parse('r0 = socket(AF_INET, SOCK_DGRAM, 0)\n'
                    'ioctl(r0, SIOCGIFMTU, &[ifreq{ifr_ifrn=[b"lo\\x00"]}, fill(472, 0)])\n')
    source = csource.write([program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="")
    assert re.search(r"struct \{ struct lkl_ifreq it; char rest1\[472\]; \} __attribute__\(\(packed.*\)\) b0;", source)
    path, binary = tmp_path / "it.c", tmp_path / "it"
    path.write_text(source)
    assert process.run(findings.command(config.liblkl, settings, path, binary), deadline=100, merge=True).ok
    ran = process.run([binary], deadline=100, merge=True)
    assert re.search(r"lkl_sys_ioctl\(.*\) = 0\b", ran.output.decode(errors="replace"))


def test_a_message_is_shown_by_its_parts(
    config: KernelConfig, settings: Settings, description: Description, parse: Callable[[str], Program], tmp_path: Path
) -> None:
    """Headers keep their fields' names and constants, in the text as in C; the kernel gets every byte where it was."""
    text = ('r0 = socket(AF_NETLINK, SOCK_RAW|SOCK_NONBLOCK, 0)\n'
            'sendto(r0, &[nlmsghdr{nlmsg_len=20, nlmsg_type=RTM_GETADDR, nlmsg_flags=NLM_F_ACK|NLM_F_REQUEST}, '
            'b"\\x02\\x00\\x00\\x00", nlmsghdr{nlmsg_len=16}], 36, 0, 0, 0)\n')
    program = parse(text)
    assert print_program(program, Namer(description)) == text
    source = csource.write([program], description, config.liblkl, title="", about=(), mem=config.mem, cmdline="")
    assert "struct { struct lkl_nlmsghdr it; char rest1[4]; struct lkl_nlmsghdr it2; }" in source
    assert ".nlmsg_type = LKL_RTM_GETADDR, .nlmsg_flags = LKL_NLM_F_ACK|LKL_NLM_F_REQUEST }" in source
    path, binary = tmp_path / "it.c", tmp_path / "it"
    path.write_text(source.replace("\tCALL(lkl_sys_sendto(", "\tfwrite(&b0, 1, 36, stderr);\n\tCALL(lkl_sys_sendto("))
    assert process.run(findings.command(config.liblkl, settings, path, binary), deadline=100, merge=True).ok
    ran = process.run([binary], deadline=100, merge=True)
    message = program.calls[1].args[1]
    assert isinstance(message, Pointer)
    assert description.encoder.flatten(message.target).data in ran.output
