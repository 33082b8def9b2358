"""A plan: everything a run will do, decided and explained. JSON in, JSON out; holds no secret and opens nothing."""

import hashlib
import re
from datetime import timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dmsflow.model.checks import PlannedCheck
from dmsflow.model.deletes import DeleteScope
from dmsflow.model.evolution import Change, Cost, Outcome, Terms
from dmsflow.model.guards import Allowed, Guards
from dmsflow.model.spec import ErrorBudget, Retry, ScdType
from dmsflow.model.table import TableName
from dmsflow.model.watermark import Bound, Scalar, Watermark

PLAN_VERSION = 5

STAGE, DELTA = "_dms_stage", "_dms_delta"
"""The temporary tables of a chunk: its rows, and what is to be done of them."""

LATE, REPLAY = "_dms_late", "_dms_replay"
"""Those of a chunk with late rows: all rows of the keys that have some, and what their history becomes."""

NUMBERED, REFUSED = "_dms_numbered", "_dms_refused"
"""Those of a chunk that the target refuses: the rows it would write, and which of them are to blame."""

UNTYPED = "_dms_untyped"
"""That of a chunk with a value that is none of its type for the target: its rows, before the target has read them."""

DEFINE, DISCARD = "define", "discard_temporaries"
"""What the names of statements begin with that make a temporary table before a transaction, and the one that drops."""

PIECES = "find_pieces"
"""The query for the first keys of a chunk's pieces, where a source may forget the state that is read."""

UNSOUND = "dmsflow: a row is not sound"
"""What a statement that reads the source directly fails with at a row that would be a reject."""

ARRIVES = "_dms_c"
"""With its position, the name under which a user column arrives: one that clashes with no column of a source."""


class Transfer(StrEnum):
    """How rows travel."""

    IN_PLACE = "in-place"
    COPY = "copy"
    ATTACH = "attach"
    ARROW = "arrow"


class Merge(StrEnum):
    """Whether each chunk merges its own key range of the target, or one merge does it all."""

    PER_CHUNK = "per-chunk"
    ONCE = "once"


class Scope(StrEnum):
    """What a chunk sees of its keys: all of them, so that an absent one is gone, or only those it brings."""

    SWEEP = "sweep"
    ARRIVALS = "arrivals"


class Side(StrEnum):
    """Where a statement runs."""

    SOURCE = "source"
    TARGET = "target"
    REFINERY = "refinery"


class RangeShape(StrEnum):
    """Which ends of a chunk are bounded; each shape has its own text of a statement that reads a range."""

    ANY = "any"
    WHOLE = "whole"
    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"


class Statement(Struct, frozen=True, kw_only=True):
    """A named statement, compiled for the database it runs in; ``binds`` are the names it takes."""

    name: str
    side: Side
    sql: str
    binds: tuple[str, ...] = ()
    shape: RangeShape = RangeShape.ANY


class Chunk(Struct, frozen=True, kw_only=True):
    """The half-open range [lower, upper) of the chunk columns; an open end also takes in the NULLs below."""

    number: int
    lower: Bound | None = None
    upper: Bound | None = None
    estimated_rows: int | None = None

    @property
    def shape(self) -> RangeShape:
        """Which ends are bounded."""
        if self.lower is None:
            return RangeShape.WHOLE if self.upper is None else RangeShape.FIRST
        return RangeShape.LAST if self.upper is None else RangeShape.MIDDLE

    def binds(self) -> dict[str, Scalar | None]:
        """The ends of the range as bound values."""
        ends = (("lo", self.lower), ("hi", self.upper))
        return {f"{name}_{i}": value.value() for name, end in ends if end for i, value in enumerate(end)}

    def covers(self, key: Bound) -> bool:
        """Whether a key falls into this chunk."""
        above = self.lower is None or self.lower <= key
        return above and (self.upper is None or key < self.upper)


class Fault(Struct, frozen=True, kw_only=True):
    """A rule that a staged row can break; staged rows carry its ``number``. ``check`` is the one that asks for it."""

    number: int
    reason: str
    column: str | None
    message: str
    check: str | None = None


class MigrationStep(Struct, frozen=True, kw_only=True):
    """One change by which a table that is there follows its spec, before the first chunk; nothing where it is kept.

    ``column`` is named as it is afterwards, ``before`` and ``after`` are what differs. ``rows`` are counted exactly.
    ``aside`` are run before, each by itself: they drop an index that the plan's ddl makes again.
    """

    change: Change
    outcome: Outcome
    what: str
    why: str
    cost: Cost
    column: str | None = None
    before: str | None = None
    after: str | None = None
    rows: int | None = None
    aside: tuple[Statement, ...] = ()
    statements: tuple[Statement, ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """One choice of the plan and why it was made."""

    about: str
    choice: str
    why: str


class CheckpointPlan(Struct, frozen=True, kw_only=True):
    """The stretch of the source that this run reads: from ``start`` (read again when ``inclusive``) to ``fence``."""

    strategy: str
    columns: tuple[str, ...] = ()
    start: Watermark | None = None
    fence: Watermark | None = None
    inclusive: bool = True

    def binds(self) -> dict[str, Scalar | None]:
        """The window as bound values."""
        ends = (("start", self.start), ("fence", self.fence))
        return {f"{name}_{i}": value.value() for name, mark in ends if mark for i, value in enumerate(mark.values)}


class Counting(Struct, frozen=True, kw_only=True):
    """How rows are counted off: so many for each chunk but the last, ``by`` columns, or as they stand in a file."""

    rows: int
    by: tuple[str, ...] = ()


class Feed(Struct, frozen=True, kw_only=True):
    """Rows that are changes: a key may have several. ``remembers``: late ones are put where they belong.

    Where there is a ``window``, one that is later than that is refused, and what is older is forgotten.
    """

    remembers: bool = False
    window: timedelta | None = None


class PlannedTarget(Struct, frozen=True, kw_only=True):
    """The table to load, as the plan names it."""

    connection: str
    engine: str
    table: TableName
    exists: bool
    columns: tuple[str, ...]
    surrogate_key: str | None = None
    estimated_rows: int | None = None


class PlannedSource(Struct, frozen=True, kw_only=True):
    """Where rows come from, as the plan names it; ``attach`` is the connection the target opens beside itself."""

    connection: str | None
    engine: str
    label: str
    attach: str | None = None
    estimated_rows: int | None = None


Sections = tuple[tuple[str, str], ...]
"""The top-level keys of a spec, each with its digest."""


def fingerprint(value: object) -> str:
    """A few letters that another value does not have."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]


def fingerprint_terms(terms: Terms | None) -> str:
    """The same of terms; empty where there are none."""
    return "" if terms is None else fingerprint(terms)


class Digests(Struct, frozen=True, kw_only=True):
    """What a plan was made from, compared again before it runs; ``sections`` are the spec's top-level keys.

    ``terms`` are those on which the target was loaded; empty where it keeps none.
    """

    spec: str
    target: str
    checkpoint: str
    terms: str = ""
    sections: Sections = ()

    def name_changes(self, sections: Sections) -> str:
        """The top-level keys of the spec that are others now, in words; empty where nobody can tell."""
        before = dict(self.sections)
        changed = [name for name, digest in sections if before.get(name, digest) != digest]
        return f" in {' and '.join(changed)}" if changed else ""


class Plan(Struct, frozen=True, kw_only=True):
    """What will happen, and why. ``statements`` are found by name; ``ddl`` runs first, before any worker.

    ``migration`` changes a table that is there, before its ddl.
    ``direct``: a chunk is first merged without a stage, and staged where a row is not sound or a key repeats.
    ``snapshot``: the run exports a state of the source, and every chunk reads that one.
    ``counted``: chunks are no ranges, but rows in an order that repeats: all of one reading, one after another.
    """

    pipeline: str
    spec_file: str
    source: PlannedSource
    target: PlannedTarget
    scd: ScdType
    key: tuple[str, ...]
    transfer: Transfer
    direct: bool
    merge: Merge
    scope: Scope
    deletes: str
    chunk_by: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    workers: int
    checkpoint: CheckpointPlan
    ddl: tuple[Statement, ...]
    statements: tuple[Statement, ...]
    faults: tuple[Fault, ...]
    guards: Guards
    errors: ErrorBudget
    retry: Retry
    decisions: tuple[Decision, ...]
    digests: Digests
    clock: str
    params: tuple[tuple[str, str], ...] = ()
    snapshot: bool = False
    counted: Counting | None = None
    feed: Feed | None = None
    columns: tuple[str, ...] = ()
    """The target's columns in the order in which they arrive: the first one as ``_dms_c0``."""
    looked_up: tuple[str, ...] = ()
    """Those whose values are looked up once the rows are staged."""
    checks: tuple[PlannedCheck, ...] = ()
    within: DeleteScope = DeleteScope.SOURCE
    """Where the absence of a key means that it is gone."""
    allowed: tuple[Allowed, ...] = ()
    """Guards that this run may pass; no other run of the plan."""
    migration: tuple[MigrationStep, ...] = ()
    """The steps by which the target follows the spec, in order, before anything is loaded."""
    terms: Terms | None = None
    """What the target keeps of this run's terms when it has come to its end; None where it has them already."""
    version: int = PLAN_VERSION

    def fits_terms(self, found: Terms | None) -> bool:
        """Whether a target keeps the terms that the plan rests on, or first ones that its own run has kept."""
        now = fingerprint_terms(found)
        return now == self.digests.terms or (not self.digests.terms and now == fingerprint_terms(self.terms))

    def name_columns(self, message: str) -> str:
        """A database's words, with the target's names for the columns that arrive by position."""
        return re.sub(
            rf"\b{ARRIVES}(\d+)\b",
            lambda found: self.columns[int(found[1])] if int(found[1]) < len(self.columns) else found[0],
            message,
        )

    @property
    def digest(self) -> str:
        """A fingerprint of the whole plan, whatever one run of it is allowed."""
        return hashlib.sha256(encode_plan(replace(self, allowed=()))).hexdigest()[:16]

    def find(self, name: str, shape: RangeShape = RangeShape.ANY) -> Statement | None:
        """The statement of that name, in the text of that range shape."""
        for statement in self.statements:
            if statement.name == name and statement.shape in (shape, RangeShape.ANY):
                return statement
        return None


def encode_plan(plan: Plan) -> bytes:
    """The plan as JSON, its keys in a fixed order."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1)


def decode_plan(text: bytes) -> Plan:
    """A plan from its JSON. Raises ValueError when it is not a plan of this version."""
    plan = msgspec.json.decode(text, type=Plan)
    if plan.version != PLAN_VERSION:
        raise ValueError(f"plan version {plan.version}, this dmsflow reads {PLAN_VERSION}")
    return plan
