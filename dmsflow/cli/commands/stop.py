"""``dmsflow stop``: asks a run to end, through the ledger. Ends no process itself."""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.ledger_options import FormatOption, LedgerOption, ListFormat, SpecOption, found_ledger

if TYPE_CHECKING:
    from dmsflow.ledger import Ledger, RunRow

LOOK_SECONDS = 0.2


def stop(
    run: Annotated[
        str, typer.Argument(metavar="PIPELINE|RUN", help="A pipeline, or the id of a run or its beginning.")
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Return when the run has ended.")] = False,
    format: FormatOption = ListFormat.TEXT,
    ledger: LedgerOption = None,
    spec: SpecOption = None,
) -> None:
    """Ask a run to stop. Asked again, it rolls back what is at work."""
    with found_ledger(ledger, spec) as opened:
        found = find_running(opened, run)
        opened.request_stop(found.run_id)
        at_once = opened.stop_requested(found.run_id, at_once=True) or found.chunks.total == 1
        if wait:
            ended = await_end(lambda: opened.run(found.run_id), lambda: time.sleep(LOOK_SECONDS))
            _print(ended, format, at_once=at_once)
            if ended.lost:
                raise typer.Exit(Exit.FAILED)
            return
        _print(opened.run(found.run_id), format, at_once=at_once)


def find_running(ledger: "Ledger", name: str) -> "RunRow":
    """The run that is meant, which runs. Ends the command when there is not one."""
    from dmsflow.cli.render.words import write_moment

    alive = [row for row in ledger.running(name) if row.runs]
    if len(alive) > 1:
        ids = ", ".join(row.run_id for row in alive)
        refuse(f'several runs of pipeline "{name}" are at work: {ids} | next: give the id of one', Exit.USAGE)
    if alive:
        return alive[0]
    run = ledger.find(name)
    if run.runs:
        return run
    if run.lost:
        told = f'its process {run.pid} is gone | next: run "dmsflow apply {run.spec_file}" to resume it'
    else:
        told = f"it ended at {write_moment(run.finished_at or run.heartbeat_at, run.seen_at)}, {run.status.value}"
    return refuse(f'run {run.run_id} of pipeline "{run.pipeline}" does not run: {told}', Exit.FAILED)


def await_end(look: "Callable[[], RunRow]", wait: Callable[[], None]) -> "RunRow":
    """The run once it has ended, or is lost."""
    while True:
        row = look()
        if not row.runs:
            return row
        wait()


def _print(run: "RunRow", format: ListFormat, *, at_once: bool) -> None:
    from dmsflow.cli.render.runs import render_stop, run_as_values

    match format:
        case ListFormat.TEXT:
            typer.echo(render_stop(run, at_once=at_once))
        case ListFormat.JSON:
            typer.echo(json.dumps({"at_once": at_once, "run": run_as_values(run)}, indent=2))
