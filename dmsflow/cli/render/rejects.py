"""Rejects for a person, a spreadsheet and a program, a few at a time. Reads no table."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from dmsflow.cli.render.table import TableColumn, align
from dmsflow.marks.reject import Reject

AT_ONCE = 1000
"""Rejects that are in memory, and whose columns are as wide as the widest of them."""

LONGEST = 60

COLUMNS = (
    *(TableColumn(heading=n) for n in ("row_key", "column", "value", "reason", "message")),
    TableColumn(heading="chunk", number=True),
)
NAMES = tuple(column.heading for column in COLUMNS)


def write_rejects(rejects: Iterable[Reject], format: str) -> Iterator[str]:
    """The parts of the text, in order, each with its line breaks."""
    parts = _batches(rejects)
    match format:
        case "csv":
            yield _write_csv([NAMES])
            for part in parts:
                yield _write_csv([cells_of(reject) for reject in part])
        case "json":
            yield from _write_json(parts)
        case _:
            for number, part in enumerate(parts):
                heading, *lines = align(COLUMNS, [[shorten(cell) for cell in cells_of(reject)] for reject in part])
                yield "\n".join([*([] if number else [heading]), *lines, ""])


def _batches(rejects: Iterable[Reject]) -> Iterator[list[Reject]]:
    rest = iter(rejects)
    while part := list(islice(rest, AT_ONCE)):
        yield part


def cells_of(reject: Reject) -> list[str]:
    """A reject as cells, in the order of the columns."""
    return ["" if (value := getattr(reject, name)) is None else str(value) for name in NAMES]


def shorten(cell: str) -> str:
    """A cell of a readable length."""
    return cell if len(cell) <= LONGEST else f"{cell[:LONGEST]}..."


def _write_csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _write_json(parts: Iterable[list[Reject]]) -> Iterator[str]:
    """An array, one reject on a line."""
    separator = "[\n"
    for part in parts:
        for reject in part:
            yield f"{separator}  {msgspec.json.encode(reject).decode()}"
            separator = ",\n"
    yield "\n]\n" if separator != "[\n" else "[]\n"
