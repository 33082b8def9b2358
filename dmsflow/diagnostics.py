"""Diagnostics: what is wrong with a spec, where, and what to do. Values only; printing lives in cli/render."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

Path = tuple[str | int, ...]


class Severity(StrEnum):
    """How much a diagnostic weighs; only errors stop a spec."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Position(Struct, frozen=True, kw_only=True, order=True):
    """A stretch of one line: 1-based line and column, ``end_column`` exclusive."""

    file: str
    line: int
    column: int
    end_column: int


class Diagnostic(Struct, frozen=True, kw_only=True):
    """One problem. ``code`` is in the catalogue (``codes.py``); ``path`` names the node, such as ("key", 0)."""

    code: str
    message: str
    path: Path = ()
    severity: Severity = Severity.ERROR
    help: str | None = None
    position: Position | None = None

    @property
    def is_error(self) -> bool:
        """Whether this problem stops the spec."""
        return self.severity is Severity.ERROR

    def at(self, position: Position | None) -> "Diagnostic":
        """The same problem, tied to a place in a file."""
        return replace(self, position=position)


def write_path(path: Path) -> str:
    """The path as a person writes it: ``key[0]``, ``columns.name.expr``."""
    written = ""
    for step in path:
        if isinstance(step, int):
            written += f"[{step}]"
        else:
            written += f".{step}" if written else step
    return written


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of the problems stops the spec."""
    return any(problem.is_error for problem in diagnostics)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A help line with the known word nearest to ``word``, or None when none is near."""
    from difflib import get_close_matches

    by_folded = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), by_folded, n=1, cutoff=0.6)
    return f'did you mean "{by_folded[near[0]]}"?' if near else None
