"""The parser beside Perl's TAP::Parser, on generated TAP 12 and 13.

They disagree where docs/tap.md says so, and nowhere else.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lkltest.host.process import run
from lkltest.tap import Parser

ORACLE = r"""
use strict; use warnings; use TAP::Parser; use JSON::PP; $| = 1;
my $json = JSON::PP->new->latin1->canonical->allow_nonref;
while (my $line = <STDIN>) {
    my $tap = join "", map { chr } @{ $json->decode($line) };
    my $parser = TAP::Parser->new({ tap => $tap });
    my (@points, $bail);
    local $SIG{__WARN__} = sub { };
    while (my $result = $parser->next) {
        if ($result->is_test) {
            push @points, [0 + $result->number, $result->is_actual_ok ? 1 : 0, "" . $result->description,
                lc $result->directive, "" . $result->explanation];
        } elsif ($result->is_bailout) { $bail //= "" . $result->explanation; }
    }
    my $plan = $parser->tests_planned;
    print $json->encode({ points => \@points, plan => defined $plan ? 0 + $plan : undef,
        bail => $bail, failed => scalar($parser->failed) ? 1 : 0, problems => scalar($parser->parse_errors) ? 1 : 0,
        good => $parser->is_good_plan ? 1 : 0 }), "\n";
}
"""


def ask_perl(streams: list[bytes]) -> list[dict[str, object]]:
    """The answers of TAP::Parser to each stream."""
    asked = "".join(json.dumps(list(stream)) + "\n" for stream in streams)
    answer = run(["perl", "-e", ORACLE], stdin=asked.encode(), timeout=300)
    assert answer.ok, answer
    return [json.loads(line) for line in answer.output.decode("latin-1").splitlines()]


def ours(stream: bytes) -> Parser:
    """The same, read by us."""
    parser = Parser()
    parser.feed(stream)
    parser.close()
    return parser


NAMES = ["", " foo", " - foo", " foo bar", " a \\# b", "  two  blanks ", " 1x", " -", " caf\\xe9", ".5", " ok 3"]
DIRECTIVES = ["", "", " # SKIP", " # skip no disk", " # TODO", " # todo: later", " # ToDo not yet", " # other"]
DIRECTIVES += [" #skip x", " \\# SKIP", "# SKIP", " # a # SKIP", " # SKIPPED", " # TODOs"]
OTHERS = ["", "# comment", "noise", "okay", "ok1", "not  ok 1", "OK 1", " ok 1", "    ok 1", "1..x", "2..3", "TAP"]
OTHERS += ["bail out!", "  Bail out! indented", "1..2 of them", "pragma -strict"]


@st.composite
def results(draw: st.DrawFn) -> list[str]:
    """Test lines with right, wrong or no numbers, with other lines between them."""
    found = []
    for count in range(1, draw(st.integers(0, 6)) + 1):
        numbers = [f" {count}"] * 6 + ["", f" {count + 1}", f" {count - 1}", f"  {count}", f" 0{count}"]
        number = draw(st.sampled_from(numbers))
        ok = draw(st.sampled_from(["ok", "ok", "ok", "not ok"]))
        found.append(ok + number + draw(st.sampled_from(NAMES)) + draw(st.sampled_from(DIRECTIVES)))
        found += draw(st.lists(st.sampled_from(OTHERS), max_size=1))
    return found



@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Streams of TAP 12 or 13, most of them with a right plan."""
    lines = draw(results())
    count = sum(line.startswith(("ok ", "not ok")) or line == "ok" for line in lines)
    plan = f"1..{draw(st.sampled_from([count] * 5 + [count + 1, max(count - 1, 0)]))}"
    where = draw(st.sampled_from(["first"] * 4 + ["last", "none", "middle", "both"]))
    if where in ("first", "both"):
        lines.insert(0, plan)
    if where in ("last", "both"):
        lines.append(plan)
    if where == "middle":
        lines.insert(len(lines) // 2, plan)
    if draw(st.integers(0, 9)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), "Bail out! no memory")
    if draw(st.booleans()):
        lines.insert(0, "TAP version 13")
    return "".join(f"{line}\n" for line in lines or [""]).encode()  # TAP::Parser does not take an empty string


def gather(strategy: st.SearchStrategy[bytes], count: int) -> list[bytes]:
    """Examples of a strategy: Perl is asked once for all of them, since it takes long to start."""
    found: list[bytes] = []

    @given(strategy)
    @settings(max_examples=count, deadline=None, database=None)
    def collect(example: bytes) -> None:
        found.append(example)

    collect()
    return found


def compare(stream: bytes, perl: dict[str, object]) -> Iterator[str]:
    """Disagreements with Perl, apart from those that docs/tap.md lists; each exception names its line there."""
    parser = ours(stream)
    report = parser.report
    points = [
        [point.number, int(bool(point.ok)), point.description, point.directive or "", point.reason or ""]
        for point in report.points
    ]
    expected = perl["points"]
    assert isinstance(expected, list)
    for point in expected:
        description, directive, reason = point[2:]
        if description.startswith("- ") or description == "-":  # "The dash"
            point[2] = description[1:].strip()
        if description.endswith("# SKIPPED"):  # "The rest of a directive's word"
            point[2:4] = [description.removesuffix("# SKIPPED").strip().removeprefix("-").strip(), "skip"]
        if directive and reason.startswith(":"):  # "The rest of a directive's word"
            point[4] = reason[1:].strip()
    if points != expected:
        yield f"points {points}, Perl {expected}"
    if report.plan != perl["plan"] and not any(problem.kind == "second-plan" for problem in report.problems):
        yield f"plan {report.plan}, Perl {perl['plan']}"
    if report.bail_out != perl["bail"]:
        yield f"bail-out {report.bail_out!r}, Perl {perl['bail']!r}"
    kinds = {problem.kind for problem in report.problems}
    perl_passed = not (perl["failed"] or perl["problems"] or perl["bail"] is not None) and bool(perl["good"])
    if parser.passed and not perl_passed and not kinds & {"out-of-order", "second-plan"}:  # "A problem is no failure"
        yield f"passed, Perl failed: {perl}"
    if perl_passed and not parser.passed:
        yield f"failed {report.problems}, Perl passed"


@pytest.mark.skipif(not shutil.which("perl"), reason="no perl: install Debian's package perl")
def test_agrees_with_perl(tmp_path: Path) -> None:
    """On generated streams we say what TAP::Parser says, except where a specification decides for us."""
    asked = gather(streams(), 300)
    disagreements = []
    for stream, answer in zip(asked, ask_perl(asked), strict=True):
        disagreements += [f"{stream!r}: {each}" for each in compare(stream, answer)]
    (tmp_path / "disagreements.txt").write_text("\n".join(disagreements), encoding="utf-8")
    assert disagreements == []
