"""Entries of the catalogue of diagnostics as text."""

from collections.abc import Iterable
from textwrap import fill, indent

from dmsflow.codes import Entry

_WIDTH = 88


def list_entries(entries: Iterable[Entry]) -> str:
    """One line per entry: code and slug."""
    return "\n".join(f"{entry.code}  {entry.slug}" for entry in entries)


def render_entry(entry: Entry) -> str:
    """The whole entry, with its headings."""
    return "\n".join(
        (
            f"{entry.code} {entry.slug}",
            "",
            fill(entry.why, _WIDTH),
            "",
            "Example:",
            indent(entry.mistake, "    "),
            "",
            "Cure:",
            indent(fill(entry.cure, _WIDTH - 4), "    "),
        )
    )
