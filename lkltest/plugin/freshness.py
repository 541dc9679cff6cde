"""The warning that a kernel under test is older than its sources."""

from __future__ import annotations

import threading

import pytest

from lkltest.plugin.session import Choice, settings_of


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look at the sources of the kernels of this session, while its first program runs."""
    config = session.config
    if config.option.collectonly or hasattr(config, "workerinput"):
        return
    params = [getattr(getattr(item, "callspec", None), "params", {}) for item in session.items]
    chosen = {choice for values in params if isinstance(choice := values.get("kernel"), Choice)}
    if trees := [choice for choice in chosen if choice.path and not choice.uml]:
        config.pluginmanager.register(Watch(trees, config), "lkltest-freshness")


class Watch:
    """Compares libraries with their sources on a thread, for the end of the session."""

    def __init__(self, choices: list[Choice], config: pytest.Config) -> None:
        """Start to look; a tree takes 50 ms, and a second where the disk has it to read first."""
        self.choices = choices
        self.settings = settings_of(config)
        self.found: dict[str, str] = {}  # kernel -> what is newer
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        from lkltest import liblkl
        from lkltest.errors import LkltestError

        for choice in self.choices:
            assert choice.path is not None
            try:
                if why := liblkl.stale(liblkl.find(choice.path, self.settings)):
                    self.found[choice.name] = why
            except (LkltestError, OSError):  # of what is wrong with a kernel, its items tell
                continue

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell of each library that is older than its sources."""
        self.thread.join(timeout=10)
        for name, why in sorted(self.found.items()):
            terminalreporter.write_line(f"kernel {name}: {why}", yellow=True, bold=True)
