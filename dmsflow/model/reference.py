"""References in the text of a spec: ``${env:NAME}``, ``${file:PATH}``, ``${param:NAME}``. Finds them, resolves none."""

import re

from msgspec import Struct

_REFERENCE = re.compile(r"\$\{(?:(?P<kind>[a-z]+):(?P<name>[^{}]+)\})?")


class Reference(Struct, frozen=True, kw_only=True):
    """One reference and its place in the text. ``kind`` is empty for a ``${`` that starts no reference."""

    kind: str
    name: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}" if self.kind else "${"


def find_references(text: str) -> tuple[Reference, ...]:
    """Every reference of a text, in order."""
    return tuple(
        Reference(kind=found["kind"] or "", name=found["name"] or "", start=found.start(), end=found.end())
        for found in _REFERENCE.finditer(text)
    )
