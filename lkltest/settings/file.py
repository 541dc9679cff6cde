"""Settings that a project keeps in a file: lkltest.toml, or [tool.lkltest] of pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lkltest.errors import UsageError
from lkltest.settings.model import Settings, options_of, path

NAMES = ("lkltest.toml", "pyproject.toml")


def load(options: Mapping[str, Any], directory: Path | None = None) -> Settings:
    """The settings of a command: `options`, the environment, and the file of the project that it is called in."""
    return Settings.load(options, read(directory or Path.cwd()))


def read(directory: Path) -> dict[str, Any]:
    """The settings of the project that `directory` is in: the nearest file upwards that has any; empty without one.

    Keys are the fields of Settings, and "kernels", a table of paths by name. Relative paths are relative to the
    file's directory. Raises UsageError for a file that is no TOML, or a key that is no setting.
    """
    for parent in (directory, *directory.parents):
        for name in NAMES:
            file = parent / name
            if file.is_file() and (table := _table(file)):
                return _checked(file, table)
    return {}


def _table(file: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        if file.name == "pyproject.toml":
            return {}  # pytest itself complains of it
        raise UsageError(f"cannot read {file}: {error}") from None
    table = document.get("tool", {}).get("lkltest", {}) if file.name == "pyproject.toml" else document
    return dict(table)


def _checked(file: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    fields = {item.name: item for item in options_of(Settings)}
    unknown = sorted(set(table) - set(fields) - {"kernels"})
    if unknown:
        known = ", ".join(["kernels", *fields])
        raise UsageError(f"{file}: no setting is called {unknown[0]!r}; there are: {known}")
    kernels = table.get("kernels", {})
    if not isinstance(kernels, dict) or not all(isinstance(text, str) for text in kernels.values()):
        raise UsageError(f'{file}: kernels is a table of paths by name, such as kernels.mine = "~/linux"')
    result: dict[str, Any] = {
        key: _below(file.parent, value, kernels) if fields[key].metadata["parse"] is path else value
        for key, value in table.items()
        if key != "kernels"
    }
    return {**result, "kernels": {name: _below(file.parent, text) for name, text in kernels.items()}, "path": file}


def _below(directory: Path, value: Any, names: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 -- any TOML
    """Make paths relative to a directory, names of kernels aside."""
    if isinstance(value, list):
        return [_below(directory, text, names) for text in value]
    if not isinstance(value, str) or value in (names or {}):
        return value
    return str(directory / Path(value).expanduser())
