"""The schema that CI systems check JUnit files with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xmlschema import XMLSchema

SCHEMA = Path(__file__).with_name("xunit.xsd")


@cache
def schema() -> XMLSchema:
    """The schema, read once."""
    import xmlschema

    return xmlschema.XMLSchema(SCHEMA)


def complaints(document: str | bytes | Path) -> list[str]:
    """The complaints of the schema about a JUnit file, each with its place."""
    text = document.read_text() if isinstance(document, Path) else document
    source = text.decode() if isinstance(text, bytes) else text
    return [f"{error.path}: {error.reason}" for error in schema().iter_errors(source)]
