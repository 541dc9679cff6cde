"""The table of calls that `lkltest fuzz --list-calls` prints."""

from __future__ import annotations

from lkltest.fuzz.lang import headers
from lkltest.fuzz.lang.describe import Description
from lkltest.liblkl.model import Liblkl


def list_calls(liblkl: Liblkl, description: Description) -> str:
    """One line for each call that the library's headers name: its number, its arguments, and how it is described."""
    named = dict.fromkeys((*headers.listed(liblkl), *description.headers.calls))
    lines = []
    for name in named:
        signature = description.headers.calls.get(name)
        if signature is None:
            lines.append(f"{'-':>5} {name}: not in this kernel")
            continue
        arguments = ", ".join(f"{a.type.spell()} {a.name}".replace("* ", "*") for a in signature.arguments)
        lines.append(f"{signature.number:>5} {name}({arguments}): {_state(name, description)}")
    made = len(description.by_call)
    lines.append(f"{made} calls are made, in {len(description.variants)} variants")
    lines.append(f"{len(description.left_out)} calls are left out")
    return "\n".join(lines)


def _state(name: str, description: Description) -> str:
    if name in description.left_out:
        return f"left out: {description.left_out[name]}"
    found = description.by_call[name]
    produces = sorted({produced.kind for variant in found for produced in variant.produces})
    words = ["annotated" if any(v.annotated for v in found) else "by its types"]
    if len(found) > 1:
        words.append(f"{len(found)} variants")
    if produces:
        words.append(f"produces {', '.join(produces)}")
    return ", ".join(words)
