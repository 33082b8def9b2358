"""``dmsflow apply``: runs a spec or a saved plan, resumes a broken run, prints the report."""

import logging
import sys
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.cli.allow_option import AllowOption, parse_allowed
from dmsflow.cli.exits import Exit
from dmsflow.cli.ledger_options import LedgerOption, utc_now
from dmsflow.cli.log_options import LogOptions
from dmsflow.cli.opening import load, refusals, show_problems, shown_table_problems
from dmsflow.cli.settings import parse_settings
from dmsflow.cli.transfer_option import TransferOption, parse_transfer
from dmsflow.errors import DmsflowError
from dmsflow.model.result import RunReport, RunStatus

if TYPE_CHECKING:
    from dmsflow.compiler.load import LoadedSpec
    from dmsflow.compiler.saved import SavedPlan
    from dmsflow.engines.access import Access, Opening
    from dmsflow.ledger import Ledger
    from dmsflow.model.facts import SourceFacts
    from dmsflow.model.guards import Allowed
    from dmsflow.model.plan import Plan, Transfer
    from dmsflow.model.result import ExpectedRows
    from dmsflow.runtime.apply import Watcher


logger = logging.getLogger("dmsflow.cli")


class ReportFormat(StrEnum):
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"


class Start(Struct, frozen=True, kw_only=True):
    """What to run, and as which run: a new one, or a broken one that goes on with its own plan and instant."""

    plan: "Plan"
    run_id: str
    resume_at: datetime | None = None
    source: "SourceFacts | None" = None


def apply(
    context: typer.Context,
    spec: Annotated[Path, typer.Argument(metavar="SPEC|PLAN", help="A spec, or a plan written by plan --out.")],
    format: Annotated[ReportFormat, typer.Option(help="How to print the report.")] = ReportFormat.TEXT,
    restart: Annotated[bool, typer.Option("--restart", help="Forget a broken run instead of resuming it.")] = False,
    allow: AllowOption = None,
    transfer: TransferOption = None,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
    ledger: LedgerOption = None,
) -> None:
    """Run a spec, or a saved plan."""
    from dmsflow.engines.access import open_access

    with refusals():
        saved = _read_saved(spec)
        if saved is not None and (set or transfer):
            told = "its parameters: give --set" if set else "its transfer: give --transfer"
            typer.echo(f"a plan holds {told} to the plan that writes it", err=True)
            raise typer.Exit(Exit.USAGE)
        settings = dict(saved.plan.params) if saved else parse_settings(set or ())
        loaded = load(Path(saved.plan.spec_file) if saved else spec, settings)
        wanted, logs = parse_transfer(transfer), context.ensure_object(LogOptions)
        allowed = parse_allowed(allow)
        report = run_spec(logs, loaded, saved, restart, ledger, wanted, open_access, allowed=allowed)
    show_report(report, format)
    raise typer.Exit(exit_code(report.status))


def _read_saved(path: Path) -> "SavedPlan | None":
    """The plan in a JSON file; None where the path is a spec."""
    if path.suffix.lower() != ".json":
        return None
    from dmsflow.compiler.saved import read_plan

    return read_plan(path)


def run_spec(
    logs: LogOptions,
    loaded: "LoadedSpec",
    saved: "SavedPlan | None",
    restart: bool,
    location: str | None,
    transfer: "Transfer | None",
    opening: "Opening",
    watchers: "tuple[Watcher, ...]" = (),
    allowed: "tuple[Allowed, ...]" = (),
) -> RunReport:
    """Open everything, in the order in which it must be closed again, and run."""
    from dmsflow.cli.logs import logging_to_file
    from dmsflow.ledger import locate_ledger, open_ledger

    spec = loaded.raise_if_rejected()
    path = locate_ledger(location, Path(spec.ledger_folder or Path(spec.file).absolute().parent))
    with logging_to_file(logs, path), open_ledger(path, clock=utc_now) as ledger, opening(spec) as access:
        start = _allow(_choose_start(loaded, saved.plan if saved else None, access, ledger, restart, transfer), allowed)
        report = _apply(start, loaded, access, ledger, watchers)
        if saved is not None and saved.expected is not None:
            _compare(saved.expected, report)
        if report.status is RunStatus.SUCCEEDED and not start.plan.target.exists:
            _prepare_next(loaded, access, ledger, start.source)
        return report


def _compare(expected: "ExpectedRows", report: RunReport) -> None:
    """Warn where a run has not done what its plan expected; one that did not succeed tells that by itself."""
    differences = expected.differences(report.rows) if report.status is RunStatus.SUCCEEDED else ()
    if not differences:
        return
    from dmsflow.cli.render.colour import wants_colour
    from dmsflow.cli.render.diagnostics import render_diagnostic
    from dmsflow.diagnostics import Diagnostic, Severity
    from dmsflow.events import log_event

    told = ", ".join(f"{found:,} {name} instead of {wanted:,}" for name, wanted, found in differences)
    problem = Diagnostic(
        code="DMS410",
        severity=Severity.WARNING,
        message=f"the run counts other rows than the plan expects: {told}",
        help="the source or the target has changed since the plan was made: look at what is loaded",
    )
    typer.echo(render_diagnostic(problem, {}, colour=wants_colour(sys.stderr)), err=True)
    log_event(
        logger, logging.WARNING, "effects differ", run_id=report.run_id, code="DMS410 effects-differ", counts=told
    )


def _allow(start: Start, allowed: "tuple[Allowed, ...]") -> Start:
    """Let this run pass guards; one that goes on may still pass those that it was allowed before."""
    if not allowed:
        return start
    names = [one.guard for one in allowed]
    kept = tuple(one for one in start.plan.allowed if one.guard not in names)
    return replace(start, plan=replace(start.plan, allowed=(*kept, *allowed)))


def _prepare_next(loaded: "LoadedSpec", access: "Access", ledger: "Ledger", source: "SourceFacts | None") -> None:
    """Plan the next run now that the target is there: this one has loaded what builds SQL, the next need not."""
    from dmsflow.compiler.compile import compile_plan
    from dmsflow.compiler.known_shapes import KnownShapes

    known = KnownShapes.beside(Path(loaded.document.file))
    for document in loaded.documents:
        known.add(document)
    with suppress(DmsflowError):
        compile_plan(loaded, access, ledger.path.parent / "plans", source)


def _choose_start(
    loaded: "LoadedSpec",
    saved: "Plan | None",
    access: "Access",
    ledger: "Ledger",
    restart: bool,
    transfer: "Transfer | None",
) -> Start:
    """A saved plan, a broken run of the same spec, or a new plan."""
    from dmsflow.runtime.apply import new_run_id
    from dmsflow.runtime.resume import find_broken

    spec = loaded.raise_if_rejected()
    broken = None if restart else find_broken(ledger, spec, loaded.digest[:16], access, loaded.sections)
    if broken is not None and (saved is None or saved.digest == broken.plan.digest):
        typer.echo(f"resuming run {broken.run_id}: {broken.done} of {broken.total} chunks are loaded", err=True)
        return Start(plan=broken.plan, run_id=broken.run_id, resume_at=broken.run_at)
    if saved is not None:
        from dmsflow.compiler.saved import check_plan

        with shown_table_problems(loaded):
            check_plan(saved, loaded, access)
        return Start(plan=saved, run_id=new_run_id())
    from dmsflow.compiler.compile import compile_plan

    with shown_table_problems(loaded):
        compiled = compile_plan(loaded, access, ledger.path.parent / "plans", transfer=transfer)
    show_problems((p for p in compiled.diagnostics if p not in loaded.diagnostics), loaded)
    return Start(plan=compiled.plan, run_id=new_run_id(), source=compiled.facts.source)


def _apply(
    start: Start, loaded: "LoadedSpec", access: "Access", ledger: "Ledger", watchers: "tuple[Watcher, ...]"
) -> RunReport:
    """Run, with the ledger and the progress bar watching."""
    from dmsflow.cli.render.progress import show_progress
    from dmsflow.cli.watching import ProgressWatcher
    from dmsflow.model.spec import param_values
    from dmsflow.runtime.apply import apply_plan
    from dmsflow.runtime.recording import Recorder
    from dmsflow.runtime.stop import StopSignal

    stop, plan = StopSignal(), start.plan
    recorder = Recorder(ledger, stop)
    with show_progress(len(plan.chunks), plan.source.estimated_rows, sys.stderr.isatty()) as bar, recorder.beating():
        report = apply_plan(
            plan,
            access,
            params=param_values(loaded.raise_if_rejected().params),
            run_id=start.run_id,
            watchers=(recorder, ProgressWatcher(bar), *watchers),
            resume_at=start.resume_at,
            stop=stop,
        )
    recorder.ended(report)
    return report


def show_report(report: RunReport, format: ReportFormat) -> None:
    """Print a report, without secrets."""
    match format:
        case ReportFormat.JSON:
            from dmsflow.ledger.records import write_report

            typer.echo(write_report(report))
        case ReportFormat.TEXT:
            from dmsflow.cli.render.colour import wants_colour
            from dmsflow.cli.render.report import render_report

            typer.echo(render_report(report, colour=wants_colour(sys.stdout)), color=True)


def exit_code(status: RunStatus) -> Exit:
    """How a run that ended in this way ends its command."""
    match status:
        case RunStatus.SUCCEEDED:
            return Exit.DONE
        case RunStatus.STOPPED:
            return Exit.STOPPED
        case RunStatus.FAILED | RunStatus.PARTIAL | RunStatus.RUNNING:
            return Exit.FAILED
