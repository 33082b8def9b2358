"""The --transfer option: a way for rows to travel, asked for by name."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dmsflow.model.plan import Transfer

TransferOption = Annotated[
    str | None,
    typer.Option("--transfer", metavar="NAME", help="How rows shall travel; default: what the plan finds fastest."),
]


def parse_transfer(written: str | None) -> "Transfer | None":
    """The transfer of that name. Raises BadParameter for a name that none has."""
    if written is None:
        return None
    from dmsflow.model.plan import Transfer

    try:
        return Transfer(written)
    except ValueError as error:
        known = ", ".join(Transfer)
        raise typer.BadParameter(f'"{written}" is none of {known}', param_hint="--transfer") from error
