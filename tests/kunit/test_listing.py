"""Listings of kernels, as 6.12 and 6.1 print them."""

from __future__ import annotations

from lkltest.kunit.listing import Case, parse, refusal

ATTRIBUTES = """\
random.module: this is before the listing
KTAP version 1
time_test_cases
# module: time_test
time_test_cases.time64_to_tm_test_date_range
# time64_to_tm_test_date_range.speed: slow
Handshake API tests
# module: handshake_test
# is_init: true
Handshake API tests.req_alloc API fuzzing
Handshake API tests.handshake_req_submit
kunit_fault
# module: kunit_test
twin
twin.a
twin
twin.a
reboot: System halted
"""


def test_attributes() -> None:
    """Cases come in the kernel's order with their suite's attributes; a suite without cases is none."""
    cases = parse(ATTRIBUTES.splitlines())
    assert cases == (
        Case("time_test_cases", "time64_to_tm_test_date_range", 0, "slow", "time_test"),
        Case("Handshake API tests", "handshake_req_submit", 1, "normal", "handshake_test", is_init=True),
        Case("twin", "a", 2),
        Case("twin", "a", 3),
    )


def test_names_alone() -> None:
    """A kernel that knows no attributes lists names alone, behind time stamps where it prints any."""
    lines = ["noise.here", "KTAP version 1", "list.a", "list.b", "hash.c", "end"]
    cases = parse(f"[    0.150000] {line}" for line in lines)
    assert cases == (Case("list", "a", 0), Case("list", "b", 0), Case("hash", "c", 1))


def test_refusal() -> None:
    """The message of KUnit on an action that it does not know is found."""
    assert refusal(["boot", "kunit executor: unknown action 'list_attr'"]) == "unknown action 'list_attr'"
    assert refusal(["boot"]) == ""
