"""Names and source lines for the stacks that a crashing program writes."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lkltest.crash import addresses
from lkltest.crash.report import COMPLAINT_SIGNAL, HANG_SIGNAL, Address, CrashReport, Mapping, Thread, parse
from lkltest.crash.reporters import PRINTERS, REPORTERS, WAITERS

__all__ = ["CrashReport", "Frame", "Stack", "explain", "parse", "render", "signature", "symbolize"]

# The outermost functions of every thread, which need not be shown.
STARTERS = frozenset({
    "_start", "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main",
    "start_thread", "clone", "clone3",
    "lkltest_run_point",  # where a point is optimized away
})
# Below these a thread waits for its turn, or for a semaphore of the host.
SLEEP = frozenset({"schedule", "schedule_idle", "arch_cpu_idle", "sem_down", "lkl_sem_down"})

# The functions in which idle threads of the kernel sleep.
IDLE = frozenset({
    "worker_thread", "rescuer_thread", "kthreadd", "smpboot_thread_fn", "kswapd", "kswapd_try_to_sleep", "kthread",
    "idle_host_task_loop", "thread_bootstrap", "do_idle", "default_idle_call", "cpuidle_idle_call", "cpu_idle_loop",
    "jmp_buf_set", "arch_cpu_idle_prepare", "cpu_startup_entry", "rest_init", "arch_call_rest_init", "start_kernel",
    "lkl_run_kernel",
})

# UML's idle thread sleeps in it, and keeps the kernel's CPU in library mode.
IDLE_SLEEP = "os_idle_sleep"

TIMER = "timer_helper_thread"  # glibc's, which runs the host's timers

WHOLE = 1000  # functions of a signature: all that a stack has

POINT = "lkltest_point_"  # what the harness puts before the name of a point

@dataclass(frozen=True)
class Frame:
    """One function of a stack."""

    number: int  # frames that share it are inlined into the last of them
    address: int
    function: str  # "" where nobody knows
    file: str = ""  # as the debugging information has it
    line: int = 0  # 0 where nobody knows
    module: str = ""  # path of the executable or library
    offset: int = 0  # of the address in the module
    inlined: bool = False
    guess: bool = False


@dataclass(frozen=True)
class Stack:
    """One thread's stack, with names; the frames of our own handlers are left out."""

    tid: int
    signal: str  # SIGUSR2 in a hang
    title: str  # "SIGSEGV at address 0x18 in thread 1234"
    frames: tuple[Frame, ...]
    comm: str = ""
    notes: tuple[str, ...] = ()


def symbolize(text: bytes | str | CrashReport) -> list[Stack]:
    """Name the frames of all reports in a text: one stack for a crash, one a thread for a hang.

    Reads the mapped files, which must still be what they were. What they do not tell stays an address.
    """
    reports = (text,) if isinstance(text, CrashReport) else parse(text)
    return [stack for report in reports for stack in name_report(report)]


def name_report(report: CrashReport) -> list[Stack]:
    """Name the frames of one report."""
    names = look_up(report)
    stacks = []
    for thread in report.threads or (Thread(report.tid),):
        named = [frame for address in thread.frames for frame in name_frame(report, address, names)]
        frames = without_starters(without_handlers(named))
        if report.complaint:
            frames = without_printers(frames)
        stacks.append(
            Stack(thread.tid, report.signal, title(report, thread, frames), frames, thread.comm, notes(report, thread))
        )
    return stacks


def target(report: CrashReport, address: Address) -> int:
    """The address to look up: within the call, or trap, for what follows it may be of the next line or function."""
    return address.pc if address.number == 0 and report.signal != "SIGTRAP" else address.pc - 1


Names = dict[tuple[str, int], tuple[addresses.Location, ...]]


def look_up(report: CrashReport) -> Names:
    """Functions and lines by file and address within it: one look at each file."""
    wanted: dict[str, set[int]] = {}
    for address in {target(report, a) for thread in report.threads for a in thread.frames}:
        mapping = addresses.find(report.maps, address)
        link = addresses.link_address(mapping, address) if mapping and mapping.path.startswith("/") else None
        if mapping and link is not None:
            wanted.setdefault(mapping.path, set()).add(link)
    return {
        (path, link): places
        for path, links in wanted.items()
        for link, places in addresses.lookup(path, sorted(links)).items()
    }


def name_frame(report: CrashReport, address: Address, names: Names) -> list[Frame]:
    """The functions at one address, the innermost of inlined ones first."""
    mapping = addresses.find(report.maps, target(report, address))
    bare = Frame(address.number, address.pc, "", guess=address.guess)
    if mapping is None:
        return [bare]
    link = addresses.link_address(mapping, target(report, address)) if mapping.path.startswith("/") else None
    if link is None:
        return [replace(bare, module=mapping.path, offset=address.pc - mapping.start + mapping.offset)]
    bare = replace(bare, module=mapping.path, offset=link + (address.pc - target(report, address)))
    # A function that was split in two is inlined into itself.
    groups = itertools.groupby(names.get((mapping.path, link), ()), key=lambda place: base_name(place.function))
    places = [next(same) for _, same in groups]
    return [
        replace(bare, function=place.function, file=os.path.normpath(place.file) if place.file else "",
                line=place.line, inlined=i < len(places) - 1)
        for i, place in enumerate(places)
    ] or [bare]


def base_name(function: str) -> str:
    """A function's name without what the compiler appended to that of a part or copy of it."""
    return re.sub(r"(\.(part|isra|constprop|cold|lto_priv)(\.\d+)*)+$", "", function)


def is_handler(frame: Frame) -> bool:
    """Whether a frame is of our crash handling: what starts the kernel's threads, or a leftover of the handler."""
    ours = frame.function.startswith("lkltest_") and not frame.function.startswith(POINT)
    return frame.function.startswith("lkltest_crash_") or (ours and frame.guess)


def without_handlers(frames: Sequence[Frame]) -> list[Frame]:
    """The frames that are not of our crash handling, numbered as if it had not been there."""
    kept = [frame for frame in frames if not is_handler(frame)]
    gone = sorted({frame.number for frame in frames} - {frame.number for frame in kept})
    inner = kept[0].number if kept else 0  # the handler of the crash itself, in front, is numbered by the report
    return [replace(frame, number=frame.number - sum(inner < n < frame.number for n in gone)) for frame in kept]


def without_starters(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Frames down to the test point, or without what every program and thread begins with."""
    for i, frame in enumerate(frames):
        if frame.function.startswith(POINT):
            return tuple(frames[: i + 1])
        if frame.function in STARTERS:
            return tuple(frames[:i])
    return tuple(frames)


def prints(frame: Frame) -> bool:
    """Whether a frame is between the place of a complaint and the console, or of the harness that reads it."""
    ours = frame.function.startswith("lkltest_") and not frame.function.startswith(POINT)
    return ours or bool(PRINTERS.fullmatch(frame.function))


def without_printers(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames of a complaint from its place on: without those that print it, and count it."""
    kept = tuple(itertools.dropwhile(prints, frames))
    return tuple(replace(frame, number=frame.number - kept[0].number) for frame in kept)


def title(report: CrashReport, thread: Thread, frames: Sequence[Frame]) -> str:
    """The sentence above a stack: what happened, and to whom."""
    if report.hang:
        name = f" ({thread.comm})" if thread.comm else ""
        return f"thread {thread.tid}{name}"
    if report.complaint:
        return "The complaint comes from"
    what = report.signal
    if report.signal in {"SIGSEGV", "SIGBUS"}:
        if report.address is not None:
            what += f" at address {report.address:#x}"
        elif report.untold:
            what += " by a general protection fault, most often of a non-canonical pointer,"
    if overflowed(report, thread):
        what += ", a stack overflow,"
    elif frames and re.match(r"_*(asan|kasan)_|kasan", frames[0].function):
        what += ", in KASAN's shadow memory of a wild pointer,"
    return f"{what} in thread {report.tid}"


def overflowed(report: CrashReport, thread: Thread) -> bool:
    """Whether the address is right below the stack's end, which is far away."""
    if report.signal != "SIGSEGV" or report.address is None or report.sp is None or not thread.frames:
        return False
    return abs(report.address - report.sp) < 1 << 16 and thread.frames[-1].number > 300


def notes(report: CrashReport, thread: Thread) -> tuple[str, ...]:
    """Further remarks on a stack."""
    found = []
    if thread.state:
        number = thread.state.split()[0]
        where = f"in system call {number} of the host" if number.isdigit() else thread.state
        found.append(f"blocks signals; {where}")
    if report.again:
        found.append(f"{report.again} while this report was written: it may lack something")
    elif not report.complete:
        found.append("the report breaks off: the process was killed while it wrote it")
    return tuple(found)


OWN = re.compile(r"(/.*?)/(arch/(lkl|um)|tools/(lkl|um)/lib|init/main\.c|kernel/(sched|kthread))\b")


def kernel_roots(frames: Iterable[Frame]) -> tuple[str, ...]:
    """The roots of the kernel trees that frames are from, by files that only a kernel has; most often there is one.

    There are two where a tree was copied with its objects, changed and built again.
    """
    files = [frame.file for frame in frames]
    found = [match[1] for file in files if (match := OWN.match(file))]
    folders = {str(Path(file).parent) for file in files if file.startswith("/") and not _below(file, found)}
    return tuple(dict.fromkeys([*found, *filter(None, map(_root_of, sorted(folders)))]))


def _root_of(folder: str) -> str:
    """The root of the kernel tree that a directory is in; "" if there is none."""
    parents = (Path(folder), *Path(folder).parents)
    return next((str(p) for p in parents if (p / "Kbuild").is_file() and (p / "MAINTAINERS").is_file()), "")


def _below(file: str, roots: Iterable[str]) -> str:
    """The path of a file relative to that of the roots which it is below; "" if there is none."""
    return next((file.removeprefix(f"{root}/") for root in roots if root and file.startswith(f"{root}/")), "")


def is_kernel(frame: Frame, roots: Sequence[str]) -> bool:
    """Whether a frame is one of the kernel's C files: not of a header, the host library (tools/) or the program."""
    return _below(frame.file, roots).split("/")[0] not in {"", "tools", "include"}


def explain(text: bytes | str, program: Path | None = None) -> str:
    """Print for people what a program wrote about its crash or hang; "" where it wrote nothing of the kind.

    `program` is the executable, where the process saw it under another path, as in a container.
    """
    return render(read(text, program))


def read(text: bytes | str, program: Path | None = None) -> list[Stack]:
    """Name the frames of what a program wrote about its crash or hang, as `explain` prints them."""
    reports = [replace(report, maps=mapped(report, program)) for report in parse(text)]
    return [stack for report in reports for stack in symbolize(report)]


def mapped(report: CrashReport, program: Path | None) -> tuple[Mapping, ...]:
    """The mappings of a report, with `program` where it was seen under another path, or not seen at all.

    A process without /proc, such as the first one of a kernel, has no maps; it must be where it was linked to be.
    """
    if program is None:
        return report.maps
    if not report.maps:
        return addresses.fixed(str(program.absolute()))
    return tuple(
        replace(m, path=str(program)) if Path(m.path).name == program.name and not Path(m.path).exists() else m
        for m in report.maps
    )


def signature(stack: Stack, depth: int = 3) -> tuple[str, ...]:
    """Names of the topmost `depth` functions that tell one crash from another, the innermost first.

    They are the kernel's where it has any; functions that say nothing of the place (memcpy, KASAN, panic; in a hang
    also mutex_lock and its like), repeated ones and guesses are passed over. The program's functions do where there
    are none of the kernel's.
    """
    hung = stack.signal == HANG_SIGNAL
    sleeps = hung and not calls(stack, IDLE_SLEEP)  # which is where UML's idle thread keeps the CPU
    frames = [f for f in (awake(stack.frames) if sleeps else stack.frames) if not f.guess]
    roots = kernel_roots(frames)
    own = [f for f in frames if is_kernel(f, roots)]
    for chosen, ignored in ([(own, WAITERS)] if hung else []) + [(own, REPORTERS), (frames, REPORTERS)]:
        # A function without a name is identified by its offset in the file, constant while the file is the same.
        names = [base_name(f.function) or f"{Path(f.module).name}+{f.offset:#x}" for f in chosen if f.module]
        names = [name for name, _ in itertools.groupby(names) if not ignored.fullmatch(name)]
        if names:
            return tuple(names[:depth])
    return ()


def blamed(stacks: Sequence[Stack]) -> tuple[str, ...]:
    """All functions of the signature of a crash or a hang, where it is in the kernel; else nothing.

    A hang is in the thread that has the kernel's CPU; where none has it, in the first one, which runs the points.
    """
    roots = kernel_roots(frame for stack in stacks for frame in stack.frames)
    crashes = [stack for stack in stacks if stack.signal not in {HANG_SIGNAL, COMPLAINT_SIGNAL}]
    for stack in crashes[-1:] or filter(None, (holder(stacks), *stacks[:1])):
        if any(is_kernel(frame, roots) for frame in stack.frames):
            return signature(stack, WHOLE)
    return ()  # also of a library whose sources are named relative to where it was once built


def render(stacks: Sequence[Stack], root: Path | None = None, cwd: Path | None = None) -> str:
    """Print stacks for people; paths below the kernel tree's `root` or below `cwd` are shown relative to it.

    Without `root` the tree is the one that the frames name; without `cwd` it is the current directory.
    In a hang, threads with the same stack are shown once, and idle ones are only counted.
    """
    frames = [frame for stack in stacks for frame in stack.frames]
    prefixes = [*([str(root)] if root else kernel_roots(frames)), str(cwd or Path.cwd())]
    crashes = [s for s in stacks if s.signal != HANG_SIGNAL]
    parts = [render_stack(s, s.title, s.frames, prefixes) for s in crashes]
    hung = [s for s in stacks if s.signal == HANG_SIGNAL]
    running = holder(hung)
    groups: dict[tuple[object, ...], list[Stack]] = {}
    for stack in hung:
        if stack is running or not idler(stack):
            groups.setdefault(tuple((f.function or f.address, f.line) for f in stack.frames), []).append(stack)
    ordered = sorted(
        groups.values(),
        key=lambda group: (group[0] is not hung[0], running not in group, is_asleep(group[0]), len(group)),
    )
    parts += [render_group(group, prefixes, holds=running in group) for group in ordered]
    if hung and running is None and any(is_asleep(stack) for stack in hung):
        parts.append("no thread has the kernel's CPU: all of them wait\n")
    idle = Counter(name for stack in hung if stack is not running and (name := idler(stack)))
    if idle:
        parts.append(f"idle threads: {', '.join(f'{name} {n}' for name, n in idle.most_common())}\n")
    return "\n".join(parts)


def idler(stack: Stack) -> str:
    """The name of a thread that waits for something to do, one of the kernel's or glibc's; "" for all others."""
    names = [frame.function for frame in awake(stack.frames)]
    if is_asleep(stack) and all(name in IDLE for name in names):
        return names[0]
    return TIMER if names[-1:] == [TIMER] and "sigtimedwait" in names[0] else ""


def holder(stacks: Sequence[Stack]) -> Stack | None:
    """The thread of a hang that has the kernel's CPU: it is in the kernel, and does not wait there.

    Where there is none and a thread waits in lkl_cpu_get(), it is the idle thread of UML's library mode.
    """
    hung = [stack for stack in stacks if stack.signal == HANG_SIGNAL]
    roots = kernel_roots(frame for stack in stacks for frame in stack.frames)
    busy = [stack for stack in hung if not is_asleep(stack) and any(is_kernel(frame, roots) for frame in stack.frames)]
    if not busy and any(calls(stack, "lkl_cpu_get") for stack in hung):
        busy = [stack for stack in hung if calls(stack, IDLE_SLEEP)]
    return next(iter(busy), None)


def calls(stack: Stack, function: str) -> bool:
    """Whether a function is on a stack."""
    return any(frame.function == function for frame in stack.frames)


def awake(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames of a thread up to where it went to sleep in the kernel's scheduler; all frames of an awake thread."""
    last = max((i for i, frame in enumerate(frames) if frame.function in SLEEP), default=-1)
    return frames[last + 1 :] or frames


def is_asleep(stack: Stack) -> bool:
    """Whether a thread waits in the kernel's scheduler."""
    return any(frame.function in SLEEP for frame in stack.frames)


def render_group(group: Sequence[Stack], prefixes: Sequence[str], *, holds: bool) -> str:
    """Print threads that share a stack; of one that sleeps in the scheduler, what it waits for."""
    first = group[0]
    heading = first.title if len(group) == 1 else f"{len(group)} threads ({', '.join(str(s.tid) for s in group)})"
    heading += ", asleep" if is_asleep(first) else ""
    heading += ", has the kernel's CPU" if holds else ""
    frames = from_idle_sleep(first.frames) if holds else awake(first.frames)
    return render_stack(first, heading, frames, prefixes)


def from_idle_sleep(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames of UML's idle thread without the host's, all frames of any other thread."""
    return tuple(itertools.dropwhile(lambda frame: frame.function != IDLE_SLEEP, frames)) or frames


def render_stack(stack: Stack, heading: str, frames: Sequence[Frame], prefixes: Sequence[str]) -> str:
    """Print one stack under its heading."""
    lines = [f"{heading}:"]
    rows = [(f"#{f.number}", show_function(f), show_place(f, prefixes)) for f in frames]
    runs = [list(run) for _, run in itertools.groupby(zip(frames, rows, strict=True), key=lambda x: x[1][1:])]
    width = min(40, max((len(row[1]) for row in rows), default=0))
    count = max((len(row[0]) for row in rows), default=0)
    previous = None
    for run in runs:
        number = run[0][0].number
        if previous is not None and number > previous + 1:
            missing = number - previous - 1
            lines.append(f"  {missing} frames are left out" if missing > 1 else "  1 frame is left out")
        for frame, row in run[:1] if len(run) > 3 else run:
            lines.append(f"  {row[0]:<{count}} {row[1]:<{width}}  {row[2]}".rstrip())
            previous = frame.number
        if len(run) > 3:
            lines.append(f"  and {run[-1][0].number - number} frames more of the same")
            previous = run[-1][0].number
    if not frames:
        lines.append("  no frame of the stack is known")
    return "\n".join([*lines, *(f"  ({note})" for note in stack.notes)]) + "\n"


def show_function(frame: Frame) -> str:
    """A function's name, that of a point as its author wrote it."""
    name = frame.function.removeprefix("lkltest_") if frame.function.startswith(POINT) else frame.function
    return name or (f"{frame.address:#x}" if not frame.module else "?")


def show_place(frame: Frame, prefixes: Sequence[str]) -> str:
    """The place of a frame: a source line, or else the module and the offset in it."""
    marks = [text for flag, text in ((frame.inlined, "inlined"), (frame.guess, "perhaps of an earlier call")) if flag]
    tail = f" ({', '.join(marks)})" if marks else ""
    if frame.file.startswith("/"):
        for prefix in prefixes:
            if prefix and frame.file.startswith(f"{prefix}/"):
                return f"{frame.file[len(prefix) + 1:]}:{frame.line}{tail}"
        return f"{frame.file}:{frame.line}{tail}"
    if not frame.module:
        return f"no code is mapped there{tail}"
    # A relative name is one of the directory where a library was once built.
    offset = f"+{frame.offset:#x}" if not frame.function else ""
    return f"{Path(frame.module).name if frame.module.startswith('/') else frame.module}{offset}{tail}"
