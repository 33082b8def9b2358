"""``dmsflow explain``: what a diagnostic means, an example, the cure."""

from typing import Annotated

import typer

from dmsflow.cli.exits import Exit


def explain(
    code: Annotated[str | None, typer.Argument(help="A code such as DMS301, or its slug. Left out: list all.")] = None,
) -> None:
    """Explain a diagnostic: why it matters, an example of the mistake, the cure."""
    from dmsflow.cli.render.catalogue import list_entries, render_entry
    from dmsflow.codes import CATALOGUE, find_entry
    from dmsflow.diagnostics import did_you_mean

    if code is None:
        typer.echo(list_entries(CATALOGUE.values()))
        return
    entry = find_entry(code)
    if entry is None:
        known = [word for found in CATALOGUE.values() for word in (found.slug, found.code)]
        help = did_you_mean(code, known) or 'list all codes with "dmsflow explain"'
        typer.echo(f'there is no diagnostic "{code}": {help}', err=True)
        raise typer.Exit(Exit.USAGE)
    typer.echo(render_entry(entry))
