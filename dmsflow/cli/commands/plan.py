"""``dmsflow plan``: what a run would do, and why. Asks both databases; what it does to the target is undone."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.exits import Exit
from dmsflow.cli.ledger_options import LedgerOption, utc_now
from dmsflow.cli.opening import load, refusals, show_problems, shown_table_problems
from dmsflow.cli.settings import parse_settings
from dmsflow.cli.transfer_option import TransferOption, parse_transfer

if TYPE_CHECKING:
    from dmsflow.compiler.load import LoadedSpec
    from dmsflow.engines.access import Access
    from dmsflow.model.plan import Plan, Transfer
    from dmsflow.rehearsal.exact import ExactEffects
    from dmsflow.runtime.resume import BrokenRun


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"


def plan(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec to plan.")],
    format: Annotated[PlanFormat, typer.Option(help="How to print the plan.")] = PlanFormat.TEXT,
    sql: Annotated[bool, typer.Option("--sql", help="Print every named statement too.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan to a file that apply takes.")] = None,
    effects: Annotated[
        bool, typer.Option("--effects", help="Count what a run would do now, by one that is undone.")
    ] = False,
    samples: Annotated[
        int | None,
        typer.Option(min=0, max=1000, metavar="N", help="How many rows of each effect to show; default: 5."),
    ] = None,
    transfer: TransferOption = None,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
    ledger: LedgerOption = None,
) -> None:
    """Show what a run would do, and why. Nothing stays in the target."""
    if not effects:
        _expect_effects(samples=samples, ledger=ledger)
    with refusals():
        loaded = load(spec, parse_settings(set or ()))
        from dmsflow.engines.access import open_access

        broken, measured = None, None
        with open_access(loaded.raise_if_rejected(), read_only=True) as access, shown_table_problems(loaded):
            broken = _find_broken(loaded, access, ledger) if effects else None
            made = broken.plan if broken else _compile(loaded, access, parse_transfer(transfer))
        if effects:
            measured = _measure(made, loaded, broken, samples)
        if out is not None and (measured is None or _can_run(measured)):
            _write(made, out, measured)
    _show(made, measured, format, sql=sql)
    if measured is not None:
        from dmsflow.cli.commands.apply import exit_code

        raise typer.Exit(exit_code(measured.report.status))
    raise typer.Exit(Exit.DONE)


def _expect_effects(**given: object) -> None:
    """Refuse what tells of effects where none are counted."""
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter("it goes with --effects", param_hint=f"--{name}")


def _compile(loaded: "LoadedSpec", access: "Access", transfer: "Transfer | None") -> "Plan":
    from dmsflow.compiler.compile import compile_plan

    compiled = compile_plan(loaded, access, transfer=transfer)
    show_problems((p for p in compiled.diagnostics if p not in loaded.diagnostics), loaded)
    return compiled.plan


def _find_broken(loaded: "LoadedSpec", access: "Access", location: str | None) -> "BrokenRun | None":
    """The broken run that apply would resume; there is none where nothing has run."""
    from dmsflow.ledger import locate_ledger, open_ledger
    from dmsflow.runtime.resume import find_broken

    spec = loaded.raise_if_rejected()
    path = locate_ledger(location, Path(spec.ledger_folder or Path(spec.file).absolute().parent))
    if not path.is_file():
        return None
    with open_ledger(path, clock=utc_now) as ledger:
        broken = find_broken(ledger, spec, loaded.digest[:16], access, loaded.sections)
    if broken is not None:
        typer.echo(
            f"apply would resume run {broken.run_id}: {broken.done} of {broken.total} chunks are loaded", err=True
        )
    return broken


def _measure(made: "Plan", loaded: "LoadedSpec", broken: "BrokenRun | None", samples: int | None) -> "ExactEffects":
    from dmsflow.cli.render.progress import show_progress
    from dmsflow.cli.watching import ProgressWatcher
    from dmsflow.rehearsal.dry_run import SAMPLES
    from dmsflow.rehearsal.exact import Resumed, measure_effects

    resumed = Resumed(run_id=broken.run_id, run_at=broken.run_at) if broken else None
    with show_progress(len(made.chunks), made.source.estimated_rows, sys.stderr.isatty()) as bar:
        watchers = (ProgressWatcher(bar),)
        return measure_effects(
            made,
            loaded.raise_if_rejected(),
            resumed=resumed,
            samples=SAMPLES if samples is None else samples,
            watchers=watchers,
        )


def _can_run(measured: "ExactEffects") -> bool:
    """Whether a plan of these effects is worth a file; says so where it is not."""
    from dmsflow.model.result import RunStatus

    if measured.report.status is RunStatus.SUCCEEDED:
        return True
    typer.echo("no plan is written: its run would fail", err=True)
    return False


def _write(made: "Plan", out: Path, measured: "ExactEffects | None") -> None:
    from dmsflow.compiler.saved import write_plan

    write_plan(made, out, measured.expected if measured else None)
    typer.echo(f"plan written to {out}", err=True)


def _show(made: "Plan", measured: "ExactEffects | None", format: PlanFormat, *, sql: bool) -> None:
    match format:
        case PlanFormat.JSON:
            typer.echo(_as_json(made, measured))
        case PlanFormat.TEXT:
            from dmsflow.cli.render.colour import wants_colour
            from dmsflow.cli.render.plan import render_plan

            colour = wants_colour(sys.stdout)
            typer.echo(render_plan(made, sql=sql, colour=colour), color=True)
            if measured is not None:
                from dmsflow.cli.render.effects import render_effects
                from dmsflow.events import redact

                typer.echo("\n" + redact(render_effects(measured, colour=colour)), color=True)


def _as_json(made: "Plan", measured: "ExactEffects | None") -> str:
    """The plan; with its effects as one more key."""
    from dmsflow.model.plan import encode_plan

    plain = encode_plan(made)
    if measured is None:
        return plain.decode()
    import msgspec

    from dmsflow.events import redact

    effects = redact(msgspec.json.encode(measured).decode())
    whole = msgspec.json.decode(plain, type=dict[str, msgspec.Raw]) | {"effects": msgspec.Raw(effects.encode())}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode()
