"""``dmsflow rejects``: the rejected rows of a run, from its target. Changes nothing."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.exits import refuse
from dmsflow.cli.ledger_options import LedgerOption, found_ledger
from dmsflow.cli.opening import load, refusals

if TYPE_CHECKING:
    from dmsflow.compiler.kept import Kept
    from dmsflow.ledger import RunRow


class RejectsFormat(StrEnum):
    """How rejects are printed."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


def rejects(
    run: Annotated[str, typer.Argument(metavar="PIPELINE|RUN", help="A pipeline's latest run, or a run by its id.")],
    format: Annotated[RejectsFormat, typer.Option(help="How to print.")] = RejectsFormat.TEXT,
    limit: Annotated[int | None, typer.Option(min=1, help="How many, at most; default: all.")] = None,
    ledger: LedgerOption = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="SPEC", help="The run's spec, where it is not there any more.")
    ] = None,
) -> None:
    """List the rows that a run has rejected."""
    from dmsflow.cli.render.rejects import write_rejects

    with found_ledger(ledger, spec) as opened:
        found = opened.find(run)
    with refusals(), _kept_of(found, spec) as kept:
        total = kept.count_rejects(found.run_id)
        for part in write_rejects(kept.rejects(found.run_id, limit), format.value):
            typer.echo(part, nl=False)
    if format is RejectsFormat.TEXT:
        shown = f"the first {limit:,} of " if limit is not None and limit < total else ""
        rows = "no rejects" if total == 0 else f"{shown}{total:,} rejects" if total > 1 else "1 reject"
        typer.echo(f'{rows} of run {found.run_id}, pipeline "{found.pipeline}"', err=True)


@contextmanager
def _kept_of(run: "RunRow", moved: Path | None) -> Iterator["Kept"]:
    """What the target of a run keeps. The ledger knows the spec; the spec knows the connections."""
    from dmsflow.compiler.kept import keep_of
    from dmsflow.engines.access import open_target

    file = moved or Path(run.spec_file)
    if not file.is_file():
        refuse(f'the spec of run {run.run_id}, "{file}", is gone: say where it is with --spec')
    decoded = load(file, {}, params_required=False).raise_if_rejected()
    if decoded.pipeline != run.pipeline:
        refuse(
            f'"{file}" is the spec of pipeline "{decoded.pipeline}", run {run.run_id} is of pipeline "{run.pipeline}": '
            "say where its spec is with --spec"
        )
    with open_target(decoded, read_only=True) as engine, closing(engine.connect()) as session:
        kept = keep_of(decoded, engine, session)
        if str(kept.table) != run.target:
            refuse(
                f"run {run.run_id} has loaded {run.target}, and the spec has {kept.table} now: its rejects are in the "
                "table dmsflow_reject beside the first one"
            )
        yield kept
