"""Handle the signals that end a command."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

from lkltest.cli.output import mute

Handler = Callable[[int, FrameType | None], object]


@contextlib.contextmanager
def handled(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Handle signals, but for those that are ignored, as SIGHUP is under nohup.

    A signal that a handler ignores from then on stays ignored: a second one must not end the command on its last steps.
    """
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] != signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, earlier)


def stopping_in_order() -> contextlib.AbstractContextManager[None]:
    """Take SIGTERM, and the end of the terminal, for Ctrl-C: what was found is kept, and the report written."""
    terminals = [stream for stream in (sys.stdout, sys.stderr) if stream.isatty()]

    def hang_up(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the shell sends one, and the system another when the shell ends
        for stream in terminals:
            mute(stream)
        signal.default_int_handler(number, frame)

    return handled({signal.SIGTERM: signal.default_int_handler, signal.SIGHUP: hang_up})
