"""The --allow option: guards that this one run may pass."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dmsflow.model.guards import Allowed

AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="GUARD", help="A guard that this one run may pass, such as max_close_percent."),
]


def parse_allowed(written: Sequence[str] | None) -> "tuple[Allowed, ...]":
    """The guards, allowed by this user. Raises BadParameter for a name that none has."""
    if not written:
        return ()
    from dmsflow.marks.checkpoint import this_user
    from dmsflow.model.guards import Allowed, GuardName

    for name in written:
        if name not in tuple(GuardName):
            raise typer.BadParameter(f'"{name}" is no guard: {_suggest(name)}', param_hint="--allow")
    user = this_user()
    return tuple(Allowed(guard=GuardName(name), by=user) for name in dict.fromkeys(written))


def _suggest(name: str) -> str:
    from dmsflow.diagnostics import did_you_mean
    from dmsflow.model.guards import GuardName

    return did_you_mean(name, GuardName) or f"write one of {', '.join(GuardName)}"
