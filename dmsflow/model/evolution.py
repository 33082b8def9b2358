"""How a table that is loaded already may change: what a spec allows, and what was found of the table. Values only."""

from enum import StrEnum

from msgspec import Struct

from dmsflow.model.table import DataType, TableShape


class Change(StrEnum):
    """In what a spec differs from the table that it loads."""

    ADD = "add"
    DROP = "drop"
    RENAME = "rename"
    RETYPE = "retype"
    POLICY = "policy"
    OPEN_END = "open_end"
    KEY = "key"
    TYPE = "type"


class Allowance(StrEnum):
    """What a spec says to one kind of change."""

    APPLY = "apply"
    KEEP = "keep"
    WIDEN = "widen"
    REFUSE = "refuse"


class Outcome(StrEnum):
    """What becomes of a difference. One that is refused stops the plan."""

    APPLIED = "applied"
    KEPT = "kept"
    REFUSED = "refused"


class Cost(StrEnum):
    """What a migration step costs the database."""

    NOTHING = "nothing"
    METADATA = "metadata only"
    ROWS = "writes rows"
    REWRITE = "rewrites the table"


class Evolve(Struct, frozen=True, kw_only=True):
    """What a spec allows, by kind of change."""

    add: Allowance = Allowance.REFUSE
    drop: Allowance = Allowance.KEEP
    rename: Allowance = Allowance.APPLY
    retype: Allowance = Allowance.REFUSE
    policy: Allowance = Allowance.REFUSE
    open_end: Allowance = Allowance.REFUSE
    key: Allowance = Allowance.REFUSE

    @property
    def adds(self) -> bool:
        """Whether a column that is new in the spec is added to the table."""
        return self.add is Allowance.APPLY


class Terms(Struct, frozen=True, kw_only=True):
    """On which terms a pipeline loaded its target the last time that it came to its end; kept in the target.

    ``columns`` are those that it loaded, each with its policy; ``previous`` those in which it kept what others held
    before; ``left`` those that it loaded, or kept, once and that are still there; ``unfilled`` those that are new and
    that it filled in a part of the rows. ``open_end`` is written as in ISO 8601.
    """

    scd: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    previous: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()
    open_end: str | None = None


class Alteration(Struct, frozen=True, kw_only=True):
    """How a database gives a column another type; ``refusal`` is why it does not, where ``sql`` is None."""

    sql: str | None
    cost: Cost = Cost.REWRITE
    refusal: str = ""


class Retyped(Struct, frozen=True, kw_only=True):
    """A column whose type differs: how it would be altered, and how many rows would lose something by that.

    ``lost`` is None where nobody has counted them.
    """

    column: str
    existing: DataType
    wanted: DataType
    alteration: Alteration
    lost: int | None = None
    samples: tuple[str, ...] = ()


class OpenEnd(Struct, frozen=True, kw_only=True):
    """An end of current versions that is not the spec's, and how many have it; None is NULL."""

    end: str | None
    rows: int


class EvolutionFacts(Struct, frozen=True, kw_only=True):
    """What was found of a target that is there: as it stands, before any step, and what its differences mean.

    ``terms`` is None where nobody has kept any. ``taken`` is what goes with a column that is dropped, in words.
    ``repeated`` keys of a new key have several current versions, and ``keyless`` current versions a NULL in it.
    """

    stands: TableShape | None = None
    terms: Terms | None = None
    retyped: tuple[Retyped, ...] = ()
    open_ends: tuple[OpenEnd, ...] = ()
    takes_null_end: bool = True
    taken: tuple[tuple[str, tuple[str, ...]], ...] = ()
    repeated: int | None = None
    keyless: int | None = None
