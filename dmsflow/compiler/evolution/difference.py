"""A difference between a spec and the table that it loads. A value; found and judged elsewhere."""

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.diagnostics import Path
from dmsflow.model.evolution import Alteration, Change, Outcome


class Difference(Struct, frozen=True, kw_only=True):
    """One difference, and what becomes of it. ``column`` is named as in the table once all steps are done.

    ``code``, ``help`` and ``path`` are those of the diagnostic of one that is refused. ``rows`` are to be written.
    """

    change: Change
    outcome: Outcome
    what: str
    why: str
    column: str | None = None
    before: str | None = None
    after: str | None = None
    code: str = ""
    help: str | None = None
    path: Path = ()
    alteration: Alteration | None = None
    rows: int | None = None

    @property
    def applied(self) -> bool:
        """Whether a step of the plan makes the table follow."""
        return self.outcome is Outcome.APPLIED

    def refused(self, code: str, why: str, help: str) -> "Difference":
        """The same, refused, with the words of its diagnostic."""
        return replace(self, outcome=Outcome.REFUSED, code=code, why=why, help=help)

    def made(self, what: str, why: str) -> "Difference":
        """The same, applied."""
        return replace(self, outcome=Outcome.APPLIED, what=what, why=why)
