"""``dmsflow verify``: source and target compared, and the target's history checked. Reads both; writes to neither."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.commands.apply import ReportFormat
from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.opening import load, refusals, shown_table_problems
from dmsflow.cli.settings import parse_settings

if TYPE_CHECKING:
    from dmsflow.verify.report import Verification


def verify(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec of the load to verify.")],
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="How many differences to show, at most.")] = 20,
    history_only: Annotated[
        bool, typer.Option("--history-only", help="Check the validity intervals of the target alone.")
    ] = False,
    format: Annotated[ReportFormat, typer.Option(help="How to print what was found.")] = ReportFormat.TEXT,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
) -> None:
    """Compare source and target by checksums, down to the rows and columns that differ. Writes to neither."""
    with refusals():
        loaded = load(spec, parse_settings(set or ()))
        decoded = loaded.raise_if_rejected()
        from dmsflow.engines.access import expect_target, open_access, open_target
        from dmsflow.model.spec import ScdType
        from dmsflow.verify.verification import verify_history, verify_spec

        if history_only and decoded.scd.type is not ScdType.HISTORY:
            refuse("only a target of type 2 has a history: leave --history-only out", Exit.USAGE)
        if history_only:
            with open_target(decoded, read_only=True) as engine:
                found = verify_history(loaded, engine, limit)
        else:
            expect_target(decoded)
            with open_access(decoded, read_only=True) as access, shown_table_problems(loaded):
                found = verify_spec(loaded, access, limit)
    _show(found, format)
    raise typer.Exit(Exit.DONE if found.verdict == "equal" else Exit.FAILED)


def _show(found: "Verification", format: ReportFormat) -> None:
    match format:
        case ReportFormat.JSON:
            import msgspec

            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        case ReportFormat.TEXT:
            from dmsflow.cli.render.colour import wants_colour
            from dmsflow.cli.render.verify import render_verification

            typer.echo(render_verification(found, colour=wants_colour(sys.stdout)), color=True)
