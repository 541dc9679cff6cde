"""The signals that end a command are handled while it runs."""

from __future__ import annotations

import os
import signal

import pytest

from lkltest.cli.signals import handled


def test_a_handler_is_put_back() -> None:
    """The earlier handler is there again behind the block."""
    before = signal.getsignal(signal.SIGHUP)
    with handled({signal.SIGHUP: lambda _number, _frame: None}):
        assert signal.getsignal(signal.SIGHUP) != before
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """A handler that ignores the second signal also protects the steps behind the block."""
    before = signal.getsignal(signal.SIGHUP)
    try:
        with handled({signal.SIGHUP: lambda _number, _frame: signal.signal(signal.SIGHUP, signal.SIG_IGN)}):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nohup_is_respected() -> None:
    """A signal that was ignored before is handled by nobody."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled({signal.SIGHUP: lambda _number, _frame: pytest.fail("handled")}):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
