"""A directory of a user, in which commands of the documentation run."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lkltest.host import process

ENVIRONMENT = {
    "CI": "", "GITHUB_ACTIONS": "", "NO_COLOR": "1", "COLUMNS": "120", "PYTEST_ADDOPTS": "", "LKLTEST_VARIANT": "fast",
}  # fmt: skip


@dataclass(frozen=True)
class Terminal:
    """A shell's directory and environment."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Write a file of the directory."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    @property
    def search_path(self) -> str:
        """The programs of the tests' environment, then those of the machine."""
        return f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"

    def run(self, command: str) -> process.Completed:
        """Run a command by a shell; standard error goes where standard output goes."""
        environment = {**ENVIRONMENT, "PATH": self.search_path, **self.environment}
        shell = ["bash", "-o", "pipefail", "-c", command]
        return process.run(shell, cwd=self.path, env=environment, timeout=900, merge=True)
