"""The options of commands that look into the ledger, and how they open it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.opening import refusals

if TYPE_CHECKING:
    from dmsflow.ledger import Ledger


class ListFormat(StrEnum):
    """How a list is printed."""

    TEXT = "text"
    JSON = "json"


LedgerOption = Annotated[
    str | None,
    typer.Option("--ledger", metavar="PATH", help="The ledger; default: the nearest .dmsflow/ here or above."),
]
SpecOption = Annotated[
    Path | None, typer.Option("--spec", metavar="SPEC", help="Look for the ledger from this spec upwards.")
]
FormatOption = Annotated[ListFormat, typer.Option("--format", help="How to print.")]


@contextmanager
def found_ledger(location: str | None, spec: Path | None) -> Iterator["Ledger"]:
    """The ledger that is there. What the ledger refuses goes to stderr and ends the command."""
    from dmsflow.errors import LedgerError
    from dmsflow.ledger import find_ledger, open_ledger

    with refusals():
        try:
            with open_ledger(find_ledger(location, spec), clock=utc_now) as ledger:
                yield ledger
        except LedgerError as error:
            refuse(str(error), Exit.USAGE)


def utc_now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)
