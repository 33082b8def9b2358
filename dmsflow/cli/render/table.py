"""Aligned columns of text for a terminal. Colours only what it is told to; knows no run."""

from collections.abc import Sequence

from msgspec import Struct

from dmsflow.cli.render.words import escape

GAP = "  "


class TableColumn(Struct, frozen=True, kw_only=True):
    """A heading, and whether the cells are numbers."""

    heading: str
    number: bool = False


def align(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]]) -> list[str]:
    """The heading and the rows as lines: words to the left, numbers to the right, nothing after the last word."""
    cells = [[column.heading for column in columns], *([escape(cell) for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return [
        GAP.join(
            cell.rjust(width) if column.number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in cells
    ]
