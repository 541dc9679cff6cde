"""A hook of mkdocs: the pages of the top directory are part of the site, with their links as they are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 -- mkdocs' configuration
    """Add the pages of the top directory."""
    for name in TOP:
        file = File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8"))
        file.dest_uri = f"{Path(name).stem}/index.html"  # a README would take the place of the directory's index
        files.append(file)
    places = [file.dest_uri for file in files]
    for place in {place for place in places if places.count(place) > 1}:
        raise PluginError(f"two pages would be {place} in the site: rename one of them")
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:  # noqa: ANN401 -- mkdocs' page
    """Let links between docs/ and the top directory lead to the same pages in the site."""
    if page.file.src_uri in TOP:
        return re.sub(r"\]\((?:docs/)", "](", markdown)
    return re.sub(rf"\]\(((?:\.\./)*)\.\./({'|'.join(map(re.escape, TOP))})", r"](\1\2", markdown)
