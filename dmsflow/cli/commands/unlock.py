"""``dmsflow unlock``: who holds the lease of a target, and taking it away from one that is gone. Ends no process."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmsflow.cli.confirming import confirm
from dmsflow.cli.exits import refuse
from dmsflow.cli.opening import load, refusals

if TYPE_CHECKING:
    from dmsflow.compiler.kept import Kept


def unlock(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A spec that loads the target.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even where the holder gives signs of life.")] = False,
) -> None:
    """Show who holds the lease of a target, and remove it."""
    from dmsflow.compiler.kept import keep_of
    from dmsflow.engines.access import open_target

    with refusals():
        decoded = load(spec, {}, params_required=False).raise_if_rejected()
        with open_target(decoded) as engine, closing(engine.connect()) as session:
            _unlock(keep_of(decoded, engine, session), yes=yes, force=force)


def _unlock(kept: "Kept", *, yes: bool, force: bool) -> None:
    from dmsflow.cli.render.lease import render_holder

    holder, now = kept.holder(), kept.clock()
    if holder is None:
        typer.echo(f"nobody holds the lease of {kept.table}")
        return
    typer.echo(render_holder(holder, str(kept.table), now))
    if not force and holder.is_alive(now):
        told = 'it is alive: wait for it, or end it with "dmsflow stop"; --force if it is certain that it loads no more'
        refuse(told)
    confirm("remove the lease?", yes=yes)
    removed = kept.execute("release_lease", run_id=holder.run_id)
    typer.echo("the lease is removed" if removed else "the lease has another holder now, or none: nothing is changed")
