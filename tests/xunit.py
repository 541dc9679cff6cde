"""The schema that CI systems check JUnit files with."""

from __future__ import annotations

from pathlib import Path

SCHEMA = Path(__file__).with_name("xunit.xsd")


def complaints(document: str | bytes | Path) -> list[str]:
    """What the schema has against a JUnit file, each with its place."""
    import xmlschema

    text = document.read_text() if isinstance(document, Path) else document
    source = text.decode() if isinstance(text, bytes) else text
    return [f"{error.path}: {error.reason}" for error in xmlschema.XMLSchema(SCHEMA).iter_errors(source)]
