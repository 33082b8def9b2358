"""``dmsflow dry-run``: what a run would do, shown in a DuckDB of its own. Opens no connection of the spec."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.commands.apply import ReportFormat, exit_code
from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.opening import load_offline, refusals, show_problems, shown_table_problems
from dmsflow.cli.settings import parse_settings

if TYPE_CHECKING:
    from dmsflow.rehearsal.dry_run import DryRun


def dry_run(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec to rehearse.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Rows: a CSV, Parquet or YAML file for each table.")],
    samples: Annotated[int, typer.Option(min=0, metavar="N", help="How many rows of each effect to show.")] = 5,
    format: Annotated[ReportFormat, typer.Option(help="How to print what happened.")] = ReportFormat.TEXT,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
) -> None:
    """Show what a run would do with given rows. Needs no database and touches none."""
    if not data.is_dir():
        refuse(f'there is no folder "{data}": --data names a folder with a file for each table', Exit.USAGE)
    with refusals():
        loaded = load_offline(spec, parse_settings(set or ()))
        from dmsflow.rehearsal.dry_run import dry_run as rehearse
        from dmsflow.rehearsal.folder import FolderRows

        given = FolderRows(folder=data, pattern=loaded.raise_if_rejected().source.file)
        with shown_table_problems(loaded):
            shown, problems = rehearse(loaded, given, samples=samples)
        show_problems((problem for problem in problems if problem not in loaded.diagnostics), loaded)
    _show(shown, format)
    raise typer.Exit(exit_code(shown.report.status))


def _show(shown: "DryRun", format: ReportFormat) -> None:
    match format:
        case ReportFormat.JSON:
            import msgspec

            from dmsflow.events import redact

            typer.echo(redact(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()))
        case ReportFormat.TEXT:
            from dmsflow.cli.render.colour import wants_colour
            from dmsflow.cli.render.dry_run import render_dry_run

            typer.echo(render_dry_run(shown, colour=wants_colour(sys.stdout)), color=True)
