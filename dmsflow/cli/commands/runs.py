"""``dmsflow runs``: what ran, newest first. Changes nothing."""

import sys
from typing import Annotated

import typer

from dmsflow.cli.ledger_options import FormatOption, LedgerOption, ListFormat, SpecOption, found_ledger


def runs(
    pipeline: Annotated[str | None, typer.Argument(help="Only runs of this pipeline.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, at most.")] = 20,
    format: FormatOption = ListFormat.TEXT,
    ledger: LedgerOption = None,
    spec: SpecOption = None,
) -> None:
    """List what ran, newest first."""
    from dmsflow.cli.render.colour import wants_colour
    from dmsflow.cli.render.runs import render_history, runs_as_json

    with found_ledger(ledger, spec) as opened:
        found = opened.runs(pipeline, limit)
    match format:
        case ListFormat.TEXT:
            typer.echo(render_history(found, colour=wants_colour(sys.stdout)), color=True)
        case ListFormat.JSON:
            typer.echo(runs_as_json(found))
