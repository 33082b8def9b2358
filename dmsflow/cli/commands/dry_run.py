"""``dmsflow dry-run``: what a run would do, shown in a DuckDB of its own. Opens a connection for a sample alone."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.commands.apply import ReportFormat, exit_code
from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.opening import load, load_offline, refusals, show_problems, shown_table_problems
from dmsflow.cli.settings import parse_settings

if TYPE_CHECKING:
    from dmsflow.compiler.load import LoadedSpec
    from dmsflow.rehearsal.dry_run import DryRun, Shown


def dry_run(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec to rehearse.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Rows: a CSV, Parquet or YAML file for each table.")
    ] = None,
    generate: Annotated[
        int | None, typer.Option(min=20, metavar="N", help="Make up so many rows, some on the edge of their type.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read so many rows of the source, and the target's of them.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Make up, or sample, the same rows or others.")] = 1,
    samples: Annotated[int, typer.Option(min=0, metavar="N", help="How many rows of each effect to show.")] = 5,
    format: Annotated[ReportFormat, typer.Option(help="How to print what happened.")] = ReportFormat.TEXT,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
) -> None:
    """Show what a run would do, in a DuckDB in memory. Opens no connection, but to read a sample."""
    if sum(given is not None for given in (data, generate, sample)) != 1:
        refuse("say where rows come from: give one of --data DIR, --generate N, --sample N", Exit.USAGE)
    if data is not None and not data.is_dir():
        refuse(f'there is no folder "{data}": --data names a folder with a file for each table', Exit.USAGE)
    with refusals():
        settings = parse_settings(set or ())
        loaded = load_offline(spec, settings) if sample is None else load(spec, settings)
        with shown_table_problems(loaded), _ended_by_signals():
            shown, problems = _rehearse(loaded, data, generate, sample, seed, samples)
        show_problems((problem for problem in problems if problem not in loaded.diagnostics), loaded)
    _show(shown, format)
    raise typer.Exit(exit_code(shown.report.status))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the program as an exit does, so that what it made up is removed."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _rehearse(
    loaded: "LoadedSpec", data: Path | None, generate: int | None, sample: int | None, seed: int, samples: int
) -> "Shown":
    from dmsflow.rehearsal.dry_run import dry_run, dry_run_generated, dry_run_sampled
    from dmsflow.rehearsal.folder import FolderRows
    from dmsflow.rehearsal.prepare import read_tables

    if data is not None:
        spec = loaded.raise_if_rejected()
        given = FolderRows(folder=data, pattern=spec.source.file, tables=tuple(read_tables(spec)))
        return dry_run(loaded, given, samples=samples)
    if sample is not None:
        return dry_run_sampled(loaded, sample, seed, samples=samples)
    assert generate is not None
    return dry_run_generated(loaded, generate, seed, samples=samples)


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
