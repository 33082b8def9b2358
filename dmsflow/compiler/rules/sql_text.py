"""Where SQL text is quoted or commented out. Reads it in one pass, in any dialect, without parsing it."""

import re
from collections.abc import Iterator

_STRETCH = re.compile(
    r"""(?P<quote>'(?:[^']|'')*(?:'|\Z)|"[^"]*(?:"|\Z))|(?P<line>--[^\n]*)|/\*.*?(?:\*/|\Z)""", re.DOTALL
)


def quoted_stretches(text: str) -> Iterator[tuple[str, int, int]]:
    """Every quoted or commented stretch: its kind (quote, line, block), its start, its end."""
    for found in _STRETCH.finditer(text):
        yield found.lastgroup or "block", found.start(), found.end()


def comment_at_end(text: str) -> tuple[int, int] | None:
    """The stretch of a line comment in which the text ends."""
    last = None
    for kind, start, end in quoted_stretches(text):
        last = (start, end) if kind == "line" and end == len(text) else None
    return last
