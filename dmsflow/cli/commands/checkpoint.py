"""``dmsflow checkpoint``: where a pipeline stands, and moving it by hand. Loads nothing."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.confirming import confirm
from dmsflow.cli.exits import Exit, refuse
from dmsflow.cli.ledger_options import FormatOption, LedgerOption, ListFormat, utc_now
from dmsflow.cli.opening import load, refusals
from dmsflow.cli.settings import parse_settings

if TYPE_CHECKING:
    from dmsflow.compiler.kept import Kept
    from dmsflow.compiler.load import LoadedSpec
    from dmsflow.model.watermark import Watermark

checkpoint = typer.Typer(help="Show or move where a pipeline stands.", no_args_is_help=True, rich_markup_mode=None)

SpecArgument = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec of the pipeline.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Even while a run is at work or could be resumed.")]


@checkpoint.command()
def show(
    spec: SpecArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many changes, at most.")] = 20,
    format: FormatOption = ListFormat.TEXT,
) -> None:
    """Show the watermark of a pipeline, and how it moved."""
    from dmsflow.cli.render.checkpoint import checkpoint_as_json, render_checkpoint
    from dmsflow.compiler.kept import keep_of
    from dmsflow.engines.access import open_target

    with refusals():
        decoded = load(spec, {}, params_required=False).raise_if_rejected()
        with open_target(decoded, read_only=True) as engine, closing(engine.connect()) as session:
            kept = keep_of(decoded, engine, session)
            found, moves = kept.checkpoint(), kept.moves(limit)
    match format:
        case ListFormat.TEXT:
            typer.echo(render_checkpoint(decoded.pipeline, found, moves))
        case ListFormat.JSON:
            typer.echo(checkpoint_as_json(decoded.pipeline, found, moves))


@checkpoint.command("set")
def set_(
    spec: SpecArgument,
    values: Annotated[list[str], typer.Argument(metavar="COLUMN=VALUE...", help="A value for each column.")],
    yes: YesOption = False,
    force: ForceOption = False,
    set: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter's value.")] = None,
    ledger: LedgerOption = None,
) -> None:
    """Move the watermark of a pipeline to a value for each of its columns."""
    from dmsflow.compiler.kept import keep_of
    from dmsflow.compiler.literals import LiteralError
    from dmsflow.compiler.moving import type_watermark
    from dmsflow.engines.access import expect_target, open_access

    given = _parse_values(values)
    with refusals():
        loaded = load(spec, parse_settings(set or ()))
        decoded = loaded.raise_if_rejected()
        expect_target(decoded)
        with open_access(decoded) as access, closing(access.open_target()) as session:
            kept = keep_of(decoded, access.target, session)
            before = kept.checkpoint()
            try:
                mark = type_watermark(decoded, access, given, before.watermark if before else None)
            except LiteralError as error:
                refuse(f"{error}: {error.help}", Exit.USAGE)
            _move(kept, loaded, mark, ledger, yes=yes, force=force)


@checkpoint.command()
def reset(spec: SpecArgument, yes: YesOption = False, force: ForceOption = False, ledger: LedgerOption = None) -> None:
    """Forget the watermark of a pipeline: the next run reads everything."""
    from dmsflow.compiler.kept import keep_of
    from dmsflow.engines.access import open_target

    with refusals():
        loaded = load(spec, {}, params_required=False)
        decoded = loaded.raise_if_rejected()
        with open_target(decoded) as engine, closing(engine.connect()) as session:
            kept = keep_of(decoded, engine, session)
            if kept.checkpoint() is None:
                typer.echo(f'pipeline "{decoded.pipeline}" has no checkpoint')
                return
            _move(kept, loaded, None, ledger, yes=yes, force=force)


def _move(
    kept: "Kept", loaded: "LoadedSpec", mark: "Watermark | None", ledger: str | None, *, yes: bool, force: bool
) -> None:
    """Ask, then move it, in a transaction."""
    from dmsflow.cli.render.checkpoint import write_move
    from dmsflow.compiler.kept import move_checkpoint

    decoded = loaded.raise_if_rejected()
    if not force:
        _check_broken(kept, loaded, ledger)
        kept.check_free()
    before = kept.checkpoint()
    told = write_move(decoded, before.watermark if before else None, mark)
    typer.echo(told, err=True)
    confirm("move it?", yes=yes)
    move_checkpoint(kept, mark, spec_digest=loaded.digest[:16], force=force)


def _check_broken(kept: "Kept", loaded: "LoadedSpec", location: str | None) -> None:
    """Refuse where a run could still go on, which reads from where it began."""
    from dmsflow.ledger import locate_ledger, open_ledger
    from dmsflow.marks.names import CHUNK
    from dmsflow.runtime.resume import find_unfinished

    decoded = loaded.raise_if_rejected()
    path = locate_ledger(location, Path(decoded.ledger_folder or Path(decoded.file).absolute().parent))
    if not path.is_file() or not kept.has(CHUNK):
        return
    with open_ledger(path, clock=utc_now) as ledger:
        found = find_unfinished(ledger, decoded.pipeline, kept.session)
    if found is not None:
        run, plan, done = found
        refuse(
            f"run {run.run_id} is broken off after {done} of {len(plan.chunks)} chunks and can go on from where the "
            'checkpoint is: apply again first, or give --force, and "apply --restart" after that',
            Exit.FAILED,
        )


def _parse_values(written: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name or name in values:
            raise typer.BadParameter(f'"{text}" is not COLUMN=VALUE, once for each column')
        values[name] = value
    return values
