"""The messages of memcheck are told apart from the program's output, in order."""

from __future__ import annotations

from collections.abc import Iterable

from lkltest.program.memcheck import Memcheck, blame
from lkltest.program.results import Result, State

READ = b"""==77== Invalid read of size 4
==77==    at 0x10A: lkltest_point_bad (own.c:4)
==77==    by 0x10B: main (own.c:8)
==77==  Address 0x0 is not stack'd
==77== \n"""


def parts(*chunks: bytes) -> list[bytes | str]:
    """The messages and the output in these chunks, neighbouring bytes joined."""
    memcheck = Memcheck()
    joined: list[bytes | str] = []
    for chunk in chunks:
        take(joined, memcheck.feed(chunk))
    take(joined, memcheck.close())
    return joined


def take(joined: list[bytes | str], pieces: Iterable[bytes | str]) -> None:
    """Append the pieces."""
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            joined[-1] = last + piece
        else:
            joined.append(piece)


def test_an_error_stands_between_the_lines_around_it() -> None:
    """The order of the stream is kept, which is what an error is blamed by."""
    before, error, after = parts(b"# running 1 a\n" + READ + b"ok 1 a\n")
    assert (before, after) == (b"# running 1 a\n", b"ok 1 a\n")
    assert isinstance(error, str)
    assert error.startswith("Invalid read of size 4\n   at 0x10A: lkltest_point_bad")
    assert error.endswith("Address 0x0 is not stack'd")


def test_chunks_may_end_anywhere() -> None:
    """A stream cut at every byte gives the same parts."""
    stream = b"ok 1 a\n" + READ + b"ok 2 b\n" + READ
    assert parts(*(stream[at : at + 1] for at in range(len(stream)))) == parts(stream)


def test_an_error_ends_where_the_program_goes_on() -> None:
    """No blank line need come between an error and the program's next line."""
    assert [type(part) for part in parts(READ.removesuffix(b"==77== \n") + b"ok 1 a\n")] == [str, bytes]


def test_an_error_that_the_stream_ends_in_is_not_lost() -> None:
    """A program that is killed leaves its last line unfinished."""
    assert len(parts(READ.removesuffix(b" is not stack'd\n==77== \n"))) == 1


def test_a_notice_is_no_error() -> None:
    """Lines of valgrind's without a stack say nothing against the program."""
    assert parts(b"==77== Warning: set address range perms: large range\n==77== \nok 1 a\n") == [b"ok 1 a\n"]


def test_the_programs_own_bytes_stay_as_they_are() -> None:
    """Whatever is no line of valgrind's goes through, an unfinished last line included."""
    stream = b"  log: |\n    a ==77== b\n== 1 ==\n==x== \xff\r\n--5- \n"
    assert b"".join(part for part in parts(stream) if isinstance(part, bytes)) == stream


def test_a_point_with_errors_fails() -> None:
    """A point that says ok has failed all the same, and shows every error."""
    blamed = blame(Result("a", State.PASSED), ["Invalid read", "Invalid write"])
    assert blamed.state is State.FAILED
    assert blamed.message == "memcheck found 2 errors during this point\n\nInvalid read\n\nInvalid write"
    assert blame(Result("a", State.PASSED), []) == Result("a", State.PASSED)
