"""The UML suite: a stock kernel is executable, boots, talks, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

import lkltest
from lkltest import Console, KernelLost, MissingTool, Panic, Uml, booted, booted_on_host, image, process

INTERRUPTED = Path(__file__).parent / "interrupted.py"
PASTE = "".join(f"{number:05d} {'abcdefghijklmnopqrstuvwxyz0123456789' * 2}\n" for number in range(1400))[: 100 << 10]


def test_is_an_executable_for_this_machine(uml_path: Path) -> None:
    """The file is a whole ELF executable of a UML, for this machine."""
    lkltest.uml.check_machine(lkltest.uml.read(uml_path))


def test_is_executable(uml_path: Path) -> None:
    """The file may be executed: what a stock build once got wrong."""
    lkltest.uml.check_executable(uml_path)


def test_starts(uml: Uml) -> None:
    """The executable starts, and says the version that is in its banner."""
    done = process.run([uml.path, "--version"], timeout=300, merge=True)
    if done.timed_out or done.signal is not None:
        raise KernelLost(f"{uml.path} --version: {done.describe()}")
    assert done.ok, f"{uml.path} --version: {done.describe()}: {done.output.decode(errors='replace')}"
    assert done.output.decode().split() == [uml.version]


def test_boots(console: Console) -> None:
    """The kernel boots from a root on hostfs to our init, which answers."""
    assert console.ask("echo up") == "up"


def test_uname(console: Console, uml: Uml) -> None:
    """The system call uname says what the file's banner says."""
    release, version, machine = console.ask("uname").split("|")
    assert release == uml.version
    assert version in uml.banner
    assert machine in {"x86_64", "i686", "aarch64"}


def test_typed_line_comes_back(console: Console) -> None:
    """A line that is typed reaches init, blanks and all, and comes back."""
    assert console.ask("echo two  blanks, and ümlaut") == "two  blanks, and ümlaut"


def test_paste_comes_back_whole(console: Console) -> None:
    """100 KB pasted into a program that gives back what it reads come back whole."""
    console.send(f"paste copy {len(PASTE)}")
    console.expect("<paste:")
    console.paste(PASTE.encode())
    console.expect(":paste>")
    assert console.before == PASTE


def test_answers_between_kernel_messages(console: Console) -> None:
    """Kernel messages and their timestamps, which come at any time, do not end up in an answer."""
    for number in range(20):
        assert console.ask(f"log <{number}:fake:{number}> [    0.000000] no answer # $") == "done"
        assert console.ask(f"echo {number}") == str(number)


def test_timestamps_are_taken_off(console: Console) -> None:
    """A kernel message is found at the beginning of its line, whatever the time in front of it."""
    console.send("1 log lkltest-was-here")
    console.expect("^lkltest-was-here$")
    assert "] lkltest-was-here\n" in console.shown


def test_escape_sequences_are_taken_out(console: Console) -> None:
    """Titles, colours and cursor movements of a program do not end up in its text."""
    console.send("1 colour green")
    console.expect("^red\n")
    console.expect("<1:")
    console.expect(":1>")
    assert console.before == "green"


def test_disk(uml: Uml, init: Path, tmp_path: Path) -> None:
    """A ubd disk is seen, mounted and written, and the host's checker finds it clean."""
    disk = tmp_path / "a disk, with: a hard name"
    with disk.open("wb") as file:
        file.truncate(16 << 20)
    try:
        made = image.run_tool(["mkfs.ext4", "-q", "-F", str(disk)])
    except MissingTool as error:
        pytest.skip(str(error))
    assert made.ok, image.output_of(made)
    with booted(uml, init, disk=disk) as console:
        console.expect("^ready$")
        for question in ("mount /dev/ubda ext4", "write /mnt/file from the guest", "umount /mnt"):
            assert console.ask(question) == "done"
        console.send("1 poweroff")
        assert console.wait().ok
    checked = image.run_tool(["e2fsck", "-fn", str(disk)])
    assert checked.ok, image.output_of(checked)
    assert b"from the guest" in image.run_tool(["debugfs", "-R", "cat /file", str(disk)]).output


def test_hostfs(uml: Uml, init: Path) -> None:
    """A file of the host is read, and one that the guest writes is read on the host."""
    with booted(uml, init) as console:
        console.expect("^ready$")
        root = Path(f"/proc/{console.pid}/cwd/root")
        (root / "from-the-host").write_text("hello guest", encoding="utf-8")
        assert console.ask("read /from-the-host") == "hello guest"
        assert console.ask("write /tmp/from-the-guest hello host") == "done"
        assert (root / "tmp/from-the-guest").read_text(encoding="utf-8") == "hello host"


def test_two_at_once(uml: Uml, init: Path) -> None:
    """Two UMLs at once have roots, consoles and ends of their own."""
    with booted(uml, init) as one, booted(uml, init) as two:
        for name, console in (("one", one), ("two", two)):
            console.expect("^ready$")
            assert console.ask(f"write /tmp/name {name}") == "done"
        assert [console.ask("read /tmp/name") for console in (one, two)] == ["one", "two"]
        one.send("1 poweroff")
        assert one.wait().ok
        assert two.ask("read /tmp/name") == "two"


def test_power_off(uml: Uml, init: Path) -> None:
    """Power off ends the process with status 0."""
    with booted(uml, init) as console:
        console.expect("^ready$")
        console.send("1 poweroff")
        ended = console.wait()
    if ended.signal is not None:
        raise KernelLost(f"powering off: {ended.describe()}")
    assert ended.status == 0, ended.describe()


@pytest.mark.parametrize(("how", "code"), [("crash", "0x0000000b"), ("exit 3", "0x00000300")], ids=["crash", "exit"])
def test_panic(uml: Uml, init: Path, how: str, code: str) -> None:
    """An init that crashes or exits makes the kernel panic: told as a panic, with its message, and not as a hang."""
    with booted(uml, init) as console:
        console.expect("^ready$")
        console.send(f"1 {how}")
        with pytest.raises(Panic) as told:
            console.wait()
    assert told.value.reason == f"Attempted to kill init! exitcode={code}"
    assert "Kernel panic - not syncing" in str(told.value)


def test_hang(uml: Uml, init: Path) -> None:
    """A hang ends when the timeout has passed, and the error has the console's last lines."""
    with booted(uml, init) as console:
        console.expect("^ready$")
        assert console.ask("echo the last words") == "the last words"
        console.send("1 loop")
        started = time.monotonic()
        with pytest.raises(KernelLost) as told:
            console.expect("<1:", timeout=1)
        assert time.monotonic() - started >= 1
    assert "timeout of 1 s" in str(told.value)
    assert "the last words" in str(told.value)
    assert console.ended
    assert not console.ended.ok


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_interrupted(uml: Uml, init: Path, temporaries: Path, number: signal.Signals) -> None:
    """Ctrl-C leaves nothing running and no file behind, nor does a runner that is killed outright.

    The proof itself is in the fixture `temporaries`.
    """
    argv = [sys.executable, str(INTERRUPTED), str(uml.path), str(init)]
    with process.Child(argv, env={"TMPDIR": str(temporaries)}) as child:
        deadline = time.monotonic() + 60
        output = b""
        while b"booted" not in output and (chunk := child.read(deadline - time.monotonic())):
            output += chunk
        assert b"booted" in output, output.decode(errors="replace")
        os.kill(child.pid, number)
        assert child.wait(20)


def test_shell_prompts(uml: Uml) -> None:
    """A real shell on the host's own files is driven without mistaking its echo or its output for its end."""
    with booted_on_host(uml) as console:
        console.expect("# $")
        assert console.shell("echo '# $ > ' \"it's no prompt\"") == (0, "# $ >  it's no prompt\n")
        assert console.shell("false") == (1, "")
        assert console.shell("f() { printf 'no newline'; return 7; }; f") == (7, "no newline")
        assert console.shell("sleep 0.3; echo late") == (0, "late\n")
