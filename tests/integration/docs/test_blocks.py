"""All blocks of the documentation: each has a language, and each language a test that executes its blocks."""

from __future__ import annotations

import pytest

from tests.integration.docs.pages import Block, blocks

EXECUTED = {
    "console": "test_sessions.py", "sh": "test_shell.py", "c": "test_examples.py", "python": "test_examples.py",
    "toml": "test_forms.py", "yaml": "test_forms.py", "json": "test_forms.py", "text": "test_forms.py",
}  # fmt: skip


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_blocks_have_a_language_that_is_executed(block: Block) -> None:
    """A block without a language, or of one that no test knows, would be skipped in silence."""
    assert block.language in EXECUTED
