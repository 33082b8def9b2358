"""The command line: which commands there are. Each command is a file in commands/, loaded by its own line here."""

import gc
import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from dmsflow.cli.commands.apply import apply
from dmsflow.cli.commands.checkpoint import checkpoint
from dmsflow.cli.commands.dry_run import dry_run
from dmsflow.cli.commands.explain import explain
from dmsflow.cli.commands.plan import plan
from dmsflow.cli.commands.rejects import rejects
from dmsflow.cli.commands.runs import runs
from dmsflow.cli.commands.schema import schema
from dmsflow.cli.commands.status import status
from dmsflow.cli.commands.stop import stop
from dmsflow.cli.commands.test import test
from dmsflow.cli.commands.torture import torture
from dmsflow.cli.commands.unlock import unlock
from dmsflow.cli.commands.validate import validate
from dmsflow.cli.commands.verify import verify
from dmsflow.cli.exits import Exit
from dmsflow.cli.log_options import LogFormat, LogLevel, LogOptions, choose_level

GARBAGE_THRESHOLD = 50_000
"""Objects made before cycles among them are looked for: imports make many objects, and no cycle worth a look."""

app = typer.Typer(
    name="dmsflow",
    help="Load tables from one database into another, from a YAML spec.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command()(validate)
app.command()(plan)
app.command()(apply)
app.command("dry-run")(dry_run)
app.command()(test)
app.command()(verify)
app.command()(explain)
app.command()(schema)
app.command()(status)
app.command()(runs)
app.command()(stop)
app.command()(rejects)
app.add_typer(checkpoint, name="checkpoint")
app.command()(unlock)
app.command()(torture)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"dmsflow {version('dmsflow')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Log what happens on stderr; -vv: every detail."
        ),
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log errors alone.")] = False,
    log_level: Annotated[LogLevel | None, typer.Option(help="From which level on to log; default: warning.")] = None,
    log_format: Annotated[LogFormat, typer.Option(help="How to write the log.")] = LogFormat.TEXT,
    log_file: Annotated[
        str | None, typer.Option(metavar="PATH|none", help="The log file of runs; default: beside the ledger.")
    ] = None,
) -> None:
    """Load tables from one database into another, from a YAML spec."""
    from dmsflow.cli.logs import logging_to_stderr

    chosen = LogOptions(level=choose_level(log_level, verbose, quiet), format=log_format, file=log_file)
    context.obj = chosen
    context.with_resource(logging_to_stderr(chosen))


def main() -> None:
    """The entry point of the ``dmsflow`` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        app()
    except SystemExit as ended:
        _leave(ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1)
    except Exception:
        _show_defect()
        _leave(Exit.FAILED)


def _leave(code: int) -> None:
    """End the process at once: whoever opened something has closed it, and taking modules apart takes time."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _show_defect() -> None:
    """The traceback of what nobody foresaw, without secrets; its exit status is not that of a refused spec."""
    from traceback import format_exc

    from dmsflow.events import redact

    sys.stderr.write(redact(format_exc()))
    sys.stderr.write("error: this is a defect of dmsflow, not of the spec: report it with the lines above\n")
