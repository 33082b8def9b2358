"""A question before something is changed that is not easily undone. Changes nothing."""

import sys

import typer

from dmsflow.cli.exits import Exit, refuse


def confirm(question: str, *, yes: bool) -> None:
    """Go on only where the answer is yes. Ends the command otherwise, and where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        refuse("nobody can be asked here: give --yes", Exit.USAGE)
    if not typer.confirm(question, err=True):
        typer.echo("nothing is changed", err=True)
        raise typer.Exit(Exit.DONE)
