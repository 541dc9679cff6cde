"""A session of image fuzzing: which input is blamed for a failure, and which finding is kept."""

from __future__ import annotations

import json
import re
import signal
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lkltest.cli.images import status
from lkltest.errors import KernelLost, LkltestError
from lkltest.fuzz.exec.feedback import Feedback, SeenEdges
from lkltest.fuzz.exec.kernel import Kernel, KernelConfig
from lkltest.fuzz.exec.protocol import BETWEEN, Alarm
from lkltest.fuzz.exec.shmem import Memory
from lkltest.fuzz.functions import Finder, FunctionTable, NewFunctions
from lkltest.fuzz.gen import store
from lkltest.fuzz.gen.generator import Candidate
from lkltest.fuzz.images import html
from lkltest.fuzz.images import worker as images_worker
from lkltest.fuzz.images.inputs import Input, Made, untouched
from lkltest.fuzz.images.maker import Origin
from lkltest.fuzz.images.mounts import mount
from lkltest.fuzz.images.session import Session
from lkltest.fuzz.images.shrink import Shrunk
from lkltest.fuzz.images.state import Failure
from lkltest.fuzz.images.target import Target
from lkltest.fuzz.images.worker import BATCH, Worker
from lkltest.fuzz.loop import MAX_DIED_BEFORE_FIRST_PROGRAM
from lkltest.fuzz.prog.reach import Reach
from lkltest.fuzz.prog.text import print_program
from lkltest.fuzz.prog.values import Program
from lkltest.fuzz.repro.report import Report, ReportType
from lkltest.settings import Settings

REPORT = Report(ReportType.CRASH, "a crash", ("here",), 0, BETWEEN, "", "")


@pytest.fixture
def session(ext4: Target, settings: Settings, tmp_path: Path) -> Iterator[Session]:
    """A session without threads."""
    with Session([ext4], settings, tmp_path, seed=1, workers=1) as one:
        yield one


@pytest.fixture
def made(session: Session, ext4: Target, monkeypatch: pytest.MonkeyPatch) -> tuple[Worker, list[Input]]:
    """A worker of the session, and the inputs that it made: unchanged images, told apart by a byte behind the image."""
    worker, inputs = Worker(session, 0), list[Input]()
    maker = worker.maker(ext4)
    nothing = Candidate((), maker.programs.scenarios[0])

    def make() -> tuple[Made, Origin]:
        one = Made(((ext4.base.size + len(inputs), b"x"),), maker.head, nothing)
        inputs.append(one.input())
        return one, Origin("fresh")

    monkeypatch.setattr(maker, "make", make)
    return worker, inputs


def queued(session: Session) -> list[Failure]:
    """The failures that wait to be examined."""
    session.end_queue()
    return list(iter(session.take, None))


def test_death_between_batches(session: Session, ext4: Target, made: tuple[Worker, list[Input]]) -> None:
    """A kernel that dies while it is idle is blamed on the last image that it mounted."""
    worker, inputs = made
    with Kernel(ext4.config) as kernel:
        assert worker.batch(ext4, kernel, None)
        kernel.child.signal(signal.SIGSEGV)
        assert not worker.batch(ext4, kernel, None)
    (failure,) = queued(session)
    assert failure.report.type == ReportType.CRASH
    assert failure.input == inputs[BATCH - 1]
    assert session.progress["ext4"].images == session.progress["ext4"].mounted == BATCH


def test_death_before_the_first_batch(session: Session, ext4: Target, made: tuple[Worker, list[Input]]) -> None:
    """No image is blamed for the death of a kernel that has mounted none."""
    with Kernel(ext4.config) as kernel:
        kernel.child.signal(signal.SIGSEGV)
        assert not made[0].batch(ext4, kernel, None)
    assert queued(session) == []
    assert (session.progress["ext4"].images, session.progress["ext4"].lost) == (0, 1)


def test_inputs_that_a_batch_leaves_come_next(
    ext4: Target, made: tuple[Worker, list[Input]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs that do not fit into a batch, and those of a kernel that was lost before them, are those of the next."""
    worker, inputs = made
    monkeypatch.setattr(images_worker, "fitting", lambda sizes: min(5, len(list(sizes))))
    with Kernel(ext4.config) as kernel:
        assert worker.batch(ext4, kernel, None)
        kernel.child.signal(signal.SIGSEGV)
        assert not worker.batch(ext4, kernel, None)
    waiting = [one.input() for one, _ in worker.maker(ext4).waiting]
    assert waiting == inputs[5:]
    assert len(waiting) == BATCH


def test_kernels_that_die_before_their_first_image_end_the_session(
    session: Session, made: tuple[Worker, list[Input]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some such kernels in a row, the session ends with an error that names the kernel and what to try."""
    boots = 0

    def dying(config: KernelConfig, memory: Memory, feedback: Feedback | None) -> Kernel:
        nonlocal boots
        boots += 1
        kernel = Kernel(config, memory, feedback)
        kernel.child.signal(signal.SIGSEGV)
        return kernel

    monkeypatch.setattr(images_worker, "boot", dying)
    with pytest.raises(KernelLost, match=r"dies before it has mounted an image \(.*SIGSEGV.*pytest suites/boot"):
        made[0].run()
    assert boots == MAX_DIED_BEFORE_FIRST_PROGRAM + 1
    assert session.findings == {}


def test_the_log_of_the_batch_before_is_not_taken_again(
    session: Session, ext4: Target, made: tuple[Worker, list[Input]]
) -> None:
    """A kernel that dies before a batch has left the edges of the one before, of which nothing is learnt."""
    stale = SimpleNamespace(reach=lambda _: [Reach(-2, {0: frozenset({1})})], blocks=list)
    with Kernel(ext4.config) as kernel:
        kernel.child.signal(signal.SIGSEGV)
        assert not made[0].batch(ext4, kernel, cast(Feedback, stale))
    assert session.progress["ext4"].edges == 0


def test_report(session: Session, ext4: Target, made: tuple[Worker, list[Input]], tmp_path: Path) -> None:
    """The page has what each recipe has brought, and the functions first reached with the program and the image."""
    blocks = [[(1, 0, [100]), (1, BETWEEN, [101])], [(BATCH + 1, 0, [100])]]  # of two batches
    feedback = SimpleNamespace(reach=lambda _: [Reach(1, {0: frozenset({5, 6})})], blocks=lambda: blocks.pop(0))
    session.seen["ext4"] = SeenEdges()
    session.finders["ext4"] = Finder(FunctionTable(array("Q", [100, 101]), array("Q", [101, 102]), ("mounts", "puts")))
    taken: list[NewFunctions] = []
    with Kernel(ext4.config) as kernel:
        assert made[0].batch(ext4, kernel, cast(Feedback, feedback))
        session._sample()
        page, line = html.write(session, tmp_path).read_text(), status(session)
        session.reach = taken.append  # of a session that has loops, too
        session.finders["ext4"].known.clear()
        assert made[0].batch(ext4, kernel, cast(Feedback, feedback))
    assert [one.source for one in taken] == ["ext4"]
    assert f"<td>ext4<td class=n>{BATCH}<td>100%<td class=n>0<td class=n>2<td class=n>2<td class=n>0" in page
    assert "<tr><th>edges<td>2\n<tr><th>functions<td>2\n" in page
    assert re.search(r"<code>mounts</code><td><td>ext4<td>.*<pre># image: changed at 0x[0-9a-f]+\n", page)
    assert re.search(r"<code>puts</code>.*<summary>the unmount</summary>", page)
    assert "2 edges  corpus 0" in line


def test_what_stored_inputs_reach_is_not_new(ext4: Target, settings: Settings, tmp_path: Path) -> None:
    """Edges and functions of an input that was in the corpus before are not those of its recipe, nor first reached."""
    base = f"recipe ext4\nbase sha256:{'0' * 64} {ext4.base.size} bytes\n"
    (tmp_path / "old.image").write_text(f"{base}\n{print_program(Program(mount(ext4)))}getpid()\n")
    blocks = [(0, 0, [100]), (1, 0, [100]), (1, BETWEEN, [101])]
    reach = [Reach(0, {0: frozenset({5, 6})}), Reach(1, {0: frozenset({7})})]
    feedback = cast(Feedback, SimpleNamespace(reach=lambda _: reach, blocks=lambda: blocks))
    with Session([ext4], settings, tmp_path / "out", 1, 1, corpus=tmp_path) as session, Kernel(ext4.config) as kernel:
        worker = Worker(session, 0)
        nothing = Made((), worker.maker(ext4).head, Candidate((), worker.maker(ext4).scenario))
        worker.maker(ext4).waiting += [(nothing, Origin("fresh"))] * BATCH
        session.seen["ext4"] = SeenEdges()
        table = FunctionTable(array("Q", [100, 101]), array("Q", [101, 102]), ("mounts", "puts"))
        session.finders["ext4"] = Finder(table)
        assert worker.batch(ext4, kernel, feedback)
        page, line = html.write(session, tmp_path).read_text(), status(session)
    assert (session.progress["ext4"].edges, session.progress["ext4"].edges_of_stored) == (1, 2)
    assert session.first_reached.by_stored == {"mounts"}
    assert session.first_reached.sources == {"puts": "ext4"}
    assert "<td>images of the corpus<td><td><td><td class=n>2<td><td>" in page
    assert "3 edges" in line


@pytest.mark.parametrize("batches", [0, 1])
def test_late_complaint(
    session: Session, ext4: Target, made: tuple[Worker, list[Input]], monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """A complaint since the last batch is blamed on the last image, if there is one, never on one that did not run."""
    worker, inputs = made
    with Kernel(ext4.config) as kernel:
        for _ in range(batches):
            assert worker.batch(ext4, kernel, None)
        late = replace(kernel.memory.head(), program=kernel.programs, alarm=Alarm.CONSOLE, alarm_call=BETWEEN,
                       alarm_program=kernel.programs)
        monkeypatch.setattr(kernel, "start", lambda *_: None)  # fz_run runs nothing after such a complaint
        monkeypatch.setattr(kernel, "finish", lambda *_: 0)
        monkeypatch.setattr(kernel.memory, "head", lambda: late)
        assert not worker.batch(ext4, kernel, None)
    assert [failure.input for failure in queued(session)] == inputs[BATCH - 1 : BATCH] * batches
    assert session.progress["ext4"].images == BATCH * batches


def examine(
    session: Session, ext4: Target, monkeypatch: pytest.MonkeyPatch, report: Report, times: int, of: int
) -> None:
    """Let the session meet REPORT, and examine it with this result."""
    monkeypatch.setattr(session, "shrink", lambda failure: Shrunk(report, failure.input, times, of))
    session.add(Failure(ext4, REPORT, untouched(ext4)))
    session.end_queue()
    session.examine()


def test_better_finding_stays(session: Session, ext4: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that fails more rarely, or was not tried, does not take the place of a finding of the same name."""
    there = replace(REPORT, signature=("here", "there"))
    examine(session, ext4, monkeypatch, there, 4, 10)
    written = (session.output / there.name / "finding.json").read_text()
    session.aliases.clear()  # the next failure has another name
    for times, of in ((2, 10), (0, 0)):
        examine(session, ext4, monkeypatch, there, times, of)
        (finding,) = session.findings.values()
        assert (finding.times, finding.of) == (4, 10)
        assert (session.output / there.name / "finding.json").read_text() == written
        session.aliases.clear()
    assert finding.count == 3


def test_examined_finding_replaces(session: Session, ext4: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result of tries takes the place of a finding that there was no time to try."""
    examine(session, ext4, monkeypatch, REPORT, 0, 0)
    assert not session.findings[REPORT.name].examined
    examine(session, ext4, monkeypatch, REPORT, 0, 3)
    assert session.findings[REPORT.name].examined


def test_finding_that_turns_out_to_be_another(
    session: Session, ext4: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finding that came again under another name for the first time is not kept beside that one."""
    there = replace(REPORT, signature=("here", "there"))
    examine(session, ext4, monkeypatch, REPORT, 0, 3)
    examine(session, ext4, monkeypatch, there, 4, 10)
    (finding,) = session.findings.values()
    assert (finding.name, finding.times, finding.count) == (there.name, 4, 2)
    assert {path.name for path in session.output.iterdir()} == {there.name, "images"}


def test_counts_are_written(session: Session, ext4: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a session, finding.json says how often the failure was met, and how often it came again."""
    def meet(_: Worker) -> None:
        for _time in range(3):
            session.add(Failure(ext4, REPORT, untouched(ext4)))

    monkeypatch.setattr(session, "shrink", lambda failure: Shrunk(REPORT, failure.input, 4, 10))
    monkeypatch.setattr(Worker, "run", meet)
    session.run(0.1, lambda: None)
    written = json.loads((session.output / REPORT.name / "finding.json").read_text())
    assert (written["count"], written["times"], written["of"]) == (3, 4, 10)


def test_threads_that_cannot_start(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a thread that cannot be started is raised, not one about joining it."""
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start"):
        session.run(1.0, lambda: None)


def test_a_target_that_is_made_meanwhile_is_fuzzed(
    ext4: Target, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session begins with the first target, and takes the others as they come; one that cannot be made is told of."""
    told: list[str] = []
    pause = threading.Event()

    def more() -> Iterator[Target]:
        while not running.progress["ext4"].images:
            pause.wait(0.05)
        yield replace(ext4, recipe="later")
        while not running.progress["later"].images:
            pause.wait(0.05)
        running.stop.set()
        raise LkltestError("no room")

    monkeypatch.setattr(images_worker, "TURN", 0.1)
    with Session([ext4], settings, tmp_path, 1, 1, reproduce_seconds=0, more=more(), complain=told.append) as running:
        running.hurry.set()  # nothing is reproduced
        running.run(300.0, lambda: None)
    assert [target.recipe for target in running.targets] == ["ext4", "later"]
    assert told == ["no more disk images are made: no room"]


def test_the_files_of_a_corpus_are_read_once(
    ext4: Target, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is read once to find its recipe, and once more by the worker that runs it, whatever targets there are."""
    head = print_program(Program(mount(ext4)))
    for n in range(4):
        base = f"recipe {('ext4', 'later')[n % 2]}\nbase sha256:{'0' * 64} {ext4.base.size} bytes\n"
        (tmp_path / f"{n}.image").write_text(f"{base}\n{head}getpid()\n")
    reads: Counter[str] = Counter()
    load = store.load

    def counted(path: Path, complain: Callable[[str], None]) -> str | None:
        reads[path.name] += 1
        return load(path, complain)

    monkeypatch.setattr(store, "load", counted)
    targets = [ext4, replace(ext4, recipe="later")]
    with Session(targets, settings, tmp_path, 1, 2, corpus=tmp_path) as session:
        made = [len(Worker(session, n).maker(target).waiting) for n in range(2) for target in targets]
    assert made == [1, 1, 1, 1]
    assert reads == {f"{n}.image": 2 for n in range(4)}


def test_a_file_that_cannot_be_read_is_told_once(ext4: Target, settings: Settings, tmp_path: Path) -> None:
    """It is told of once, however many targets there are."""
    (tmp_path / "a.image").write_text("nothing\n\ngetpid()\n")
    told: list[str] = []
    targets = [ext4, replace(ext4, recipe="ext4-inline")]
    with Session(targets, settings, tmp_path, 1, 1, corpus=tmp_path, complain=told.append) as session:
        worker = Worker(session, 0)
        for target in targets:
            worker.maker(target)
    assert len(told) == 1
    assert "a.image is left out" in told[0]


def test_what_is_certain_is_reproduced_first(session: Session, ext4: Target) -> None:
    """A crash comes before complaints and hangs that have waited longer: there may be no time for all."""
    hang, complaint, crash = (
        replace(REPORT, type=type, signature=(name,))
        for type, name in ((ReportType.HANG, "slow"), (ReportType.CONSOLE, "odd"), (ReportType.CRASH, "dead"))
    )
    for report in (hang, complaint, crash):
        session.add(Failure(ext4, report, untouched(ext4)))
    assert [failure.report for failure in queued(session)] == [crash, complaint, hang]
