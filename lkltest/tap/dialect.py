"""The dialects of TAP, written down as data."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Dialect(enum.Enum):
    """The dialect in which a stream is read; the value is its name in JSON and on the command line."""

    TAP12 = "tap12"
    TAP13 = "tap13"
    TAP14 = "tap14"
    KTAP = "ktap"
    LKL = "lkl"

    @classmethod
    def named(cls, name: str) -> Dialect:
        """Find a dialect by its name in any case: "ktap", "TAP13" or just "13".

        Raises ValueError for an unknown name.
        """
        plain = name.strip().lower().replace(" ", "").replace("-", "")
        return cls("tap" + plain if plain.isdigit() else plain)


class Rules(NamedTuple):
    """The rules of a dialect where the dialects differ."""

    directives: tuple[bytes, ...]  # beside SKIP and TODO, which all of them know
    skip_excuses: bool  # `not ok # SKIP` does not fail
    ordered: bool  # a number that goes back is a problem
    escapes: bool  # \# and \\ are unescaped
    number_needed: bool  # a test line without a number is none
    blanks_needed: bool  # what follows "ok" and the number is apart from them: `ok: x` is no test line
    glued_hash: bool  # a # may follow the description without a blank, unless it belongs to a URL
    loose_todo: bool  # TODO\S* is TODO
    loose_bail_out: bool  # "bail out!" in any case
    buffered: bool  # `ok 1 - name {` opens a subtest that ends at `}`
    steps: tuple[int, ...]  # columns by which a subtest may be indented
    announced: bool  # a subtest needs a `# Subtest` comment or a brace before it: other indented lines are noise
    comments_lead: bool  # a comment belongs to the point that follows it
    subtest_plan_needed: bool


_PERL = Rules(
    directives=(),
    skip_excuses=False,
    ordered=True,
    escapes=False,
    number_needed=False,
    blanks_needed=False,
    glued_hash=True,
    loose_todo=False,
    loose_bail_out=False,
    buffered=True,
    steps=(4,),
    announced=True,
    comments_lead=False,
    subtest_plan_needed=False,
)

RULES = {
    Dialect.TAP12: _PERL,
    Dialect.TAP13: _PERL,
    Dialect.TAP14: _PERL._replace(
        skip_excuses=True,
        ordered=False,
        escapes=True,
        blanks_needed=True,
        glued_hash=False,
        loose_todo=True,
        loose_bail_out=True,
        announced=False,
        subtest_plan_needed=True,
    ),
    Dialect.KTAP: _PERL._replace(
        directives=(b"xfail", b"timeout", b"error"),
        skip_excuses=True,
        number_needed=True,
        glued_hash=False,
        buffered=False,
        steps=(2, 4),
        announced=False,
        comments_lead=True,
    ),
    Dialect.LKL: _PERL._replace(blanks_needed=True, glued_hash=False, buffered=False, steps=()),
}
