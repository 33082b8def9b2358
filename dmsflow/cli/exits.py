"""The exit codes of every command, and the way to end with one."""

from enum import IntEnum
from typing import NoReturn

import typer


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    FAILED = 3
    STOPPED = 4


def refuse(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Say on stderr what is wrong and what to do, and end the command."""
    from dmsflow.cli.render.words import escape

    typer.echo(f"error: {escape(message)}", err=True)
    raise typer.Exit(code)
