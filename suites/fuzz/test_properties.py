"""Properties of all system calls, on programs that Hypothesis makes."""

from __future__ import annotations

from lkltest.fuzz import NEEDS, RETURN, Call, Oracle, Profile, Program, Ref, Shape, Value, compositions, programs

RESTART = range(-516, -511)  # what a call returns that a signal has interrupted
F_DUPFD, F_GETFD, F_DUPFD_CLOEXEC = 0, 1, 1030
TABLE = 48  # descriptors that are looked at: more than the programs below can open
OPENING = ("openat", "open", "creat", "socket", "accept4", "dup", "epoll_create1", "eventfd2")
OPENERS = (
    "openat_create", "openat_dir", "openat_device", "openat", "open", "creat", "pipe2", "socketpair", "socket_tcp",
    "socket_udp", "socket_netlink", "socket", "listen", "bind", "accept4", "epoll_create1", "eventfd2", "dup", "dup3",
    "fcntl_dup", "close", "close", "fcntl",
)


def test_no_failure(oracle: Oracle, profile: Profile) -> None:
    """No program crashes the kernel, hangs, or makes it print BUG, WARNING, Oops, KASAN, UBSAN or lockdep's report."""
    profile.check("no_failure", programs(oracle.description), oracle.run, share=2)


def test_results(oracle: Oracle, profile: Profile) -> None:
    """Every failure is an errno, one for restarting only after our own interrupt; every success is as documented."""
    def documented(program: Program) -> None:
        ran = oracle.run(program)
        values: list[int] = []
        for call, result in zip(program.calls, ran.returned, strict=False):
            said = f"{call.name} returned {result}:\n{oracle.show([program])}"
            if result < 0 and result > -65536:  # addresses may be negative, but not so close to zero
                assert result >= -4095, said
                assert result not in RESTART or ran.interrupted or signals(program, oracle), said
            if result >= 0:
                assert shaped(call, result, values, oracle), said
            values += [result if produced.source == RETURN else -1 for produced in call.produces]

    profile.check("results", programs(oracle.description), documented)


def signals(program: Program, oracle: Oracle) -> bool:
    """Whether a program may send signals to itself."""
    return oracle.description.needs(program) & NEEDS["signals"] != 0


def shaped(call: Call, result: int, values: list[int], oracle: Oracle) -> bool:
    """Whether a success is of the shape that the call's documentation gives."""
    shape, argument = oracle.description.shapes.get(oracle.description.headers.calls[call.name].number, (Shape.ANY, 0))
    if shape is Shape.ZERO:
        return result == 0
    if shape is Shape.AT_MOST:
        limit = call.args[argument]
        known = number(limit, values)
        return known is None or known < 0 or result <= known
    return True


def number(value: Value, values: list[int]) -> int | None:
    """The number that an argument was; None where it is not known."""
    if isinstance(value, Ref):
        return values[value.index] if value.index < len(values) else None
    return value if isinstance(value, int) else None


def test_descriptors(oracle: Oracle, profile: Profile) -> None:
    """A descriptor is the lowest that is free, stays until it is closed, and a call that fails leaves none."""
    probes = tuple(Call("fcntl", (n, F_GETFD, 0)) for n in range(TABLE))
    begun = {n for n, result in enumerate(oracle.run(Program(probes)).returned) if result >= 0}

    def kept(program: Program) -> None:
        whole = Program(program.calls + probes)
        ran = oracle.run(whole)
        if ran.known or ran.interrupted:
            return
        returned = ran.returned
        expected = table(program, returned, set(begun), oracle.show([program]))
        found = {n for n, result in enumerate(returned[len(program.calls) :]) if result >= 0}
        assert found == expected, f"descriptors {found}, not {expected} are open after\n{oracle.show([program])}"

    keys = [key for key in OPENERS if key in oracle.description.variants]
    profile.check("descriptors", compositions(oracle.description, [], keys, 14), kept)


def table(program: Program, returned: tuple[int, ...], opened: set[int], said: str) -> set[int]:
    """The descriptors that must be open after a program, which returned this, by the rules of POSIX."""
    values: list[int] = []
    for call, result in zip(program.calls, returned, strict=False):
        made = [result]
        if result >= 0:
            free = [n for n in range(TABLE) if n not in opened]
            match call.name:
                case name if name in OPENING:
                    assert result == free[0], f"{name} returned {result}, where {free[0]} was free:\n{said}"
                    opened.add(result)
                case "pipe2" | "socketpair":
                    made = free[:2]
                    opened.update(made)
                case "dup3":
                    opened.add(result)
                case "fcntl" if call.args[1] in (F_DUPFD, F_DUPFD_CLOEXEC):
                    assert result not in opened, f"fcntl duplicated over descriptor {result}:\n{said}"
                    opened.add(result)
                case "close":
                    opened.discard(number(call.args[0], values) or 0)
        values += made[: len(call.produces)] + [-1] * (len(call.produces) - len(made))
    return opened
