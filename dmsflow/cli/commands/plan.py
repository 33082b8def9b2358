"""``dmsflow plan``: what a run would do, and why. Asks both databases; writes to neither."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dmsflow.cli.opening import load, refusals, show_problems, shown_table_problems
from dmsflow.cli.settings import parse_settings
from dmsflow.cli.transfer_option import TransferOption, parse_transfer


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"


def plan(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec to plan.")],
    format: Annotated[PlanFormat, typer.Option(help="How to print the plan.")] = PlanFormat.TEXT,
    sql: Annotated[bool, typer.Option("--sql", help="Print every named statement too.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan to a file that apply takes.")] = None,
    transfer: TransferOption = None,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
) -> None:
    """Show what a run would do, and why, without writing to the target."""
    with refusals():
        loaded = load(spec, parse_settings(set or ()))
        from dmsflow.compiler.compile import compile_plan
        from dmsflow.engines.access import open_access

        with open_access(loaded.raise_if_rejected(), read_only=True) as access, shown_table_problems(loaded):
            compiled = compile_plan(loaded, access, transfer=parse_transfer(transfer))
        show_problems((p for p in compiled.diagnostics if p not in loaded.diagnostics), loaded)
        if out is not None:
            from dmsflow.compiler.saved import write_plan

            write_plan(compiled.plan, out)
            typer.echo(f"plan written to {out}", err=True)
    match format:
        case PlanFormat.JSON:
            from dmsflow.model.plan import encode_plan

            typer.echo(encode_plan(compiled.plan).decode())
        case PlanFormat.TEXT:
            from dmsflow.cli.render.colour import wants_colour
            from dmsflow.cli.render.plan import render_plan

            typer.echo(render_plan(compiled.plan, sql=sql, colour=wants_colour(sys.stdout)), color=True)
