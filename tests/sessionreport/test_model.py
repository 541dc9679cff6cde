"""A session as its report sees it."""

from __future__ import annotations

from lkltest.sessionreport.model import Item, Session, latest


def session(*items: Item) -> Session:
    """A session with these items on two kernels."""
    return Session("pytest", 0.0, 1.0, {"lkl": "Linux 4.9.0", "uml": "Linux 6.1.0"}, items)


def test_failures_of_one_cause_are_one_cause() -> None:
    """Items that were not reached have their cause's sentence; others the first line of their message."""
    lost = [Item(f"p{number}", "uml", "failed", 0.0, "not reached", cause="the kernel panicked") for number in range(9)]
    own = [Item("a", kernel, "failed", 0.0, f"\na.c:7: x == 1\n  actual: {kernel}") for kernel in ("lkl", "uml")]
    causes = session(*own, *lost, Item("t.py::p::b", "lkl", "passed", 0.0)).causes
    assert [(cause.title, len(cause.items)) for cause in causes] == [("a.c:7: x == 1", 2), ("the kernel panicked", 9)]


def test_what_kept_items_of_two_kernels_from_running_are_two_causes() -> None:
    """Each kernel that was lost in the same words has a paragraph, and the text, of its own."""
    causes = session(*(Item("p", kernel, "failed", 0.0, kernel, cause="it died") for kernel in ("lkl", "uml"))).causes
    assert [(cause.title, cause.text) for cause in causes] == [("it died", "lkl"), ("it died", "uml")]


def test_a_failure_knows_the_line_of_its_check() -> None:
    """The place is read from the message of a failure, and only of a failure."""
    assert Item("t", "", "failed", 0.0, "text\nboot/files.inc.c:12: x == 1").place == ("boot/files.inc.c", 12)
    assert Item("t", "", "passed", 0.0, "a.c:12: note").place is None
    assert Item("t", "", "failed", 0.0, "[    0.1] no place: 12: there").place is None


def test_the_worst_report_of_an_item_counts() -> None:
    """A teardown that fails is not hidden by its call that passed, nor by a later report."""
    passed, broken = Item("t", "lkl", "passed", 0.0), Item("t", "lkl", "error", 0.0, "teardown")
    assert latest([passed, broken]) == (broken,)
    assert latest([broken, passed]) == (broken,)


def test_the_matrix_has_a_column_for_each_kernel_and_for_none() -> None:
    """Kernels stand in the order in which the user named them; plain tests come last."""
    found = session(Item("a", "uml", "passed", 0.0), Item("b", "", "passed", 0.0), Item("a", "lkl", "failed", 0.0))
    assert found.columns == ["lkl", "uml", ""]
    assert {point: set(row) for point, row in found.points.items()} == {"a": {"lkl", "uml"}, "b": {""}}
    assert list(found.counts.items()) == [("failed", 1), ("passed", 2)]
