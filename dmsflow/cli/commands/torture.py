"""``dmsflow torture``: runs a spec on scratch data, disturbs it, and says whether it kept its promise."""

import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.commands.apply import ReportFormat, exit_code, run_spec
from dmsflow.cli.exits import Exit
from dmsflow.cli.log_options import LogOptions
from dmsflow.cli.opening import load, refusals, shown_table_problems
from dmsflow.cli.settings import parse_settings
from dmsflow.model.spec import ScdType

if TYPE_CHECKING:
    from dmsflow.compiler.load import LoadedSpec
    from dmsflow.model.spec import PipelineSpec
    from dmsflow.torture.conduct import Limits
    from dmsflow.torture.result import TortureReport
    from dmsflow.torture.seam import Watchman

KILLS, ROWS = 50, 3000
IMPORTED = (
    "concurrent.futures.thread",
    "concurrent_log_handler",
    "duckdb",
    "dmsflow.cli.logs",
    "dmsflow.cli.watching",
    "dmsflow.compiler.assemble",
    "dmsflow.compiler.schema_check",
    "dmsflow.engines.sqlite",
    "dmsflow.runtime.recording",
    "dmsflow.runtime.resume",
    "dmsflow.scd.deletes",
    "dmsflow.torture.prepare",
    "dmsflow.transfer.in_place",
    "jsonschema",
)
DRIVERS = ("psycopg", "dmsflow.engines.postgresql", "dmsflow.engines.postgresql_vigil")
"""What an apply imports on its way; every child would do so anew."""


class ScratchEngine(StrEnum):
    """Targets that are a file."""

    DUCKDB = "duckdb"
    SQLITE = "sqlite"


def torture(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The spec to torture.")],
    kills: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help=f"End after so many kills; default: {KILLS}, without minutes."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0, metavar="N", help="End after so many minutes.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="S", help="Repeat a torture; default: another one.")] = None,
    rows: Annotated[int, typer.Option(min=20, metavar="N", help="How many rows to copy or make up.")] = ROWS,
    generate: Annotated[bool, typer.Option("--generate", help="Make rows up; the source is not read.")] = False,
    engine: Annotated[ScratchEngine | None, typer.Option(help="The scratch target; default: as the target's.")] = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print the result.")] = ReportFormat.TEXT,
    set: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter's value.")] = None,
) -> None:
    """Kill a spec's runs on scratch data, resume them, and compare with undisturbed ones."""
    from random import SystemRandom

    from dmsflow.torture.conduct import Limits

    with refusals():
        loaded = load(spec, parse_settings(set or ()))
        _check(loaded.raise_if_rejected())
        chosen = SystemRandom().getrandbits(31) if seed is None else seed
        wanted = KILLS if kills is None and minutes is None else kills
        limits = Limits(kills=wanted, seconds=None if minutes is None else 60 * minutes)
        report = _torture(loaded, limits, chosen, rows, generate=generate, engine=engine)
    _show(report, format)
    raise typer.Exit(Exit.DONE if report.holds else Exit.FAILED)


def _check(spec: "PipelineSpec") -> None:
    """Refuse what torture cannot do, or what promises nothing."""
    from dmsflow.errors import PlanRefused
    from dmsflow.torture.child import can_fork

    if not can_fork():
        raise PlanRefused("torture forks processes, which this system does not do: run it on Linux or macOS")
    if spec.scd.type is ScdType.APPEND and not spec.checkpoint.by_key:
        raise PlanRefused(
            "an append without a checkpoint inserts every row at every run, also after a break: there is nothing to "
            "prove. Give the spec checkpoint columns"
        )


def _torture(
    loaded: "LoadedSpec", limits: "Limits", seed: int, rows: int, *, generate: bool, engine: ScratchEngine | None
) -> "TortureReport":
    """Prepare in a child, then conduct; the scratch is gone at the end unless a difference was found."""
    import shutil
    from tempfile import mkdtemp

    import msgspec

    from dmsflow.torture.child import run_child, warm_up
    from dmsflow.torture.conduct import Prepared, Torture
    from dmsflow.torture.prepare import prepare
    from dmsflow.torture.scratch import choose_scratch

    root = Path(mkdtemp(prefix="dmsflow-torture-"))
    # Ended in the middle, it cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        scratch = choose_scratch(root, loaded.raise_if_rejected(), engine.value if engine else None, root.name[-8:])
        warm_up(*IMPORTED, *(DRIVERS if scratch.server else ()))
        log = root / "prepare.log"

        def work() -> int:
            with shown_table_problems(loaded):
                prepare(loaded, scratch, rows, seed, generate=generate)
            return Exit.DONE

        ended = run_child(lambda: _ended(work), log)
        typer.echo(log.read_text(encoding="utf-8", errors="replace"), err=True, nl=False)
        if ended.code != 0:
            raise typer.Exit(ended.code if ended.code in list(Exit) else Exit.FAILED)
        prepared = msgspec.json.decode(scratch.base_file.read_bytes(), type=Prepared)
        if prepared.note:
            typer.echo(prepared.note, err=True)
        return Torture(scratch, prepared, _apply, seed, _teller()).run(limits)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


def _ended(work: Callable[[], int]) -> int:
    """The exit code of a command that is no command of its own."""
    try:
        with refusals():
            return work()
    except typer.Exit as ended:
        return ended.exit_code


def _apply(spec: Path, ledger: Path, report: Path, watchman: "Watchman") -> int:
    """``dmsflow apply`` on the scratch spec, in a child."""

    def work() -> int:
        from dmsflow.ledger.records import write_report

        loaded = load(spec, {})
        ran = run_spec(LogOptions(), loaded, None, False, str(ledger), None, watchman.open_access, watchers=(watchman,))
        report.write_text(write_report(ran), encoding="utf-8")
        if ran.errors:
            typer.echo("; ".join(error.message for error in ran.errors), err=True)
        return exit_code(ran.status)

    return _ended(work)


def _teller() -> Callable[[str], None]:
    """Tells how far it is, on a terminal: one line that is written again and again."""

    def tell(line: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    return tell


def _show(report: "TortureReport", format: ReportFormat) -> None:
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", err=True, nl=False)
    match format:
        case ReportFormat.JSON:
            import msgspec

            typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        case ReportFormat.TEXT:
            from dmsflow.cli.render.torture import render_torture

            typer.echo(render_torture(report))
