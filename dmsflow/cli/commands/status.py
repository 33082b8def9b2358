"""``dmsflow status``: what runs now, live from any terminal. Changes nothing and holds up no load."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.ledger_options import FormatOption, LedgerOption, ListFormat, SpecOption, found_ledger

if TYPE_CHECKING:
    from dmsflow.ledger import Ledger, RunRow

Sight = tuple["tuple[RunRow, ...]", "RunRow | None"]
"""What runs, and the latest run where nothing does."""


def status(
    pipeline: Annotated[str | None, typer.Argument(help="Only this pipeline.")] = None,
    format: FormatOption = ListFormat.TEXT,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again until nothing runs any more.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    ledger: LedgerOption = None,
    spec: SpecOption = None,
) -> None:
    """Show what runs now."""
    with found_ledger(ledger, spec) as opened:
        if not watch:
            _print(look(opened, pipeline), format)
            return
        sights = watch_runs(lambda: look(opened, pipeline), lambda: time.sleep(interval))
        try:
            _show(sights, format)
        except KeyboardInterrupt:
            return


def look(ledger: "Ledger", pipeline: str | None) -> Sight:
    """What runs now; else the latest run."""
    running = ledger.running(pipeline)
    latest = () if running else ledger.runs(pipeline, limit=1)
    return running, latest[0] if latest else None


def watch_runs(look_again: Callable[[], Sight], wait: Callable[[], None]) -> Iterator[Sight]:
    """Look until no run is alive; the last sight is the one without."""
    while True:
        sight = look_again()
        yield sight
        if not any(run.runs for run in sight[0]):
            return
        wait()


def _show(sights: Iterator[Sight], format: ListFormat) -> None:
    if format is ListFormat.TEXT and sys.stdout.isatty():
        _show_live(sights)
        return
    for sight in sights:
        _print(sight, format, indent=None)


def _show_live(sights: Iterator[Sight]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    last: Sight = (), None
    with Live(console=Console(), auto_refresh=False, transient=True) as live:
        for last in sights:
            shown = Text.from_ansi(_write(last), no_wrap=True, overflow="ellipsis")
            live.update(shown, refresh=True)
    _print(last, ListFormat.TEXT)


def _print(sight: Sight, format: ListFormat, *, indent: int | None = 2) -> None:
    from dmsflow.cli.render.runs import running_as_json

    match format:
        case ListFormat.TEXT:
            typer.echo(_write(sight), color=True)
        case ListFormat.JSON:
            typer.echo(running_as_json(*sight, indent=indent))


def _write(sight: Sight) -> str:
    from dmsflow.cli.render.colour import wants_colour
    from dmsflow.cli.render.runs import render_running

    return render_running(*sight, colour=wants_colour(sys.stdout))
