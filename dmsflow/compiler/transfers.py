"""How rows shall travel: the fastest way that is exact for the columns, or the one that was asked for. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dmsflow.compiler.chunking import Cut
from dmsflow.compiler.columns import INSTANT, LoadedColumn, listed_lookups
from dmsflow.compiler.looked_up import staged_parts
from dmsflow.diagnostics import Diagnostic
from dmsflow.errors import SpecRejected
from dmsflow.model.checks import CheckOn
from dmsflow.model.facts import Facts
from dmsflow.model.plan import Transfer
from dmsflow.model.spec import PipelineSpec
from dmsflow.model.table import DataType, cast_can_fail

SERVER, STAGER = "postgresql", "duckdb"

COUNTED = "rows are counted as they are read, in one stream for all chunks"


class Route(Struct, frozen=True, kw_only=True):
    """The transfer, and why it was chosen."""

    transfer: Transfer
    why: str


def choose_route(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], cut: Cut, wanted: Transfer | None = None
) -> Route:
    """The first transfer that nothing stands against. Raises SpecRejected where the wanted one is impossible."""
    obstacles = dict(_obstacles(spec, facts, columns, cut))
    if wanted is not None:
        if obstacle := obstacles.get(wanted, "this version cannot"):
            raise SpecRejected((_refuse(wanted, obstacle),))
        return Route(transfer=wanted, why=f"it was asked for; {_describe(wanted, facts)}")
    chosen = next(transfer for transfer, obstacle in obstacles.items() if obstacle is None)
    told = ""
    if spec.checkpoint.counted:
        told = f": {COUNTED}"
    elif chosen is Transfer.ARROW and (faster := _faster(facts)):
        told = f"; not {faster}: {obstacles[faster]}"
    return Route(transfer=chosen, why=_describe(chosen, facts) + told)


def choose_checksum_route(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> Transfer:
    """How rows come to where their checksums are computed: not at all, where their own database makes the same values.

    ``copy`` stands for a source that stages its rows itself, whatever the target is. Keys are looked up where a
    dimension is: rows come to it, or it comes to where rows are streamed to.
    """
    served = facts.source.engine == SERVER
    whole = facts.target.stores_nan and facts.target.stores_far_times
    exact = served and whole and _inexact(spec, facts, columns) is None
    if facts.source.in_place and (not served or exact):
        return Transfer.IN_PLACE
    looks_up = any(True for _ in listed_lookups(spec))
    return Transfer.COPY if exact and not looks_up else Transfer.ARROW


def _faster(facts: Facts) -> Transfer | None:
    """The way that these two databases have beside Arrow."""
    source, target = facts.source, facts.target
    if source.engine == target.engine == SERVER:
        return Transfer.IN_PLACE if source.in_place else Transfer.COPY
    return Transfer.ATTACH if source.reached or source.out_of_reach else None


def _obstacles(
    spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn], cut: Cut
) -> Iterator[tuple[Transfer, str | None]]:
    """Every transfer in order of preference, with what stands against it."""
    source, target = facts.source, facts.target
    if spec.checkpoint.counted:
        yield from ((transfer, None if transfer is Transfer.ARROW else COUNTED) for transfer in Transfer)
        return
    servers = source.engine == target.engine == SERVER
    inexact = _inexact(spec, facts, columns) if servers else None
    if not source.in_place:
        yield Transfer.IN_PLACE, "source and target are not one database"
    elif servers:
        yield Transfer.IN_PLACE, inexact or _compares_otherwise(facts, columns)
    else:
        yield Transfer.IN_PLACE, None if target.engine == STAGER else "only DuckDB and PostgreSQL stage rows themselves"
    yield Transfer.COPY, inexact if servers else "it goes from PostgreSQL to PostgreSQL"
    yield Transfer.ATTACH, None if source.reached else source.out_of_reach or "it goes from PostgreSQL to DuckDB"
    embedded = source.in_place and target.engine == STAGER
    yield Transfer.ARROW, "the target reads the source itself, and no session beside it can" if embedded else None


def _inexact(spec: PipelineSpec, facts: Facts, columns: Sequence[LoadedColumn]) -> str | None:
    """What only the staging in DuckDB can do: refuse a value alone, or judge by a check."""
    if any(check.on is CheckOn.ROW for check in spec.checks):
        return "checks are judged by DuckDB"
    if not facts.source.unicode and facts.target.unstorable not in (None, facts.source.unstorable):
        return "the source's encoding has no word for the characters that the target's does not have"
    for column in columns:
        if not _moves_exactly(column.arrives, column.type):
            return f'column "{column.name}" goes from {column.arrives} to {column.type}'
    for _, name, wanted in staged_parts(spec, facts):
        found = facts.source.shape.find(name)
        if found and wanted is not INSTANT and not _moves_exactly(found.type, wanted):
            return f'"{name}" is looked up as {wanted}, and is {found.type}'
    for time in (spec.scd.effective_at, *(lookup.as_of for _, lookup in listed_lookups(spec))):
        found = facts.source.shape.find(time) if time else None
        if found and found.type.family not in ("date", "timestamp", "timestamptz"):
            return f'"{time}" is no time but {found.type}'
    return None


def _compares_otherwise(facts: Facts, columns: Sequence[LoadedColumn]) -> str | None:
    """A text that is compared in a way of its own where it comes from, which would be carried into the target."""
    collations = dict(facts.expression_collations)
    for column in columns:
        compared = column.source.collation if column.source else collations.get(column.name)
        if compared is not None and compared != (column.existing.collation if column.existing else None):
            return f'column "{column.name}" is compared by {compared} in the source'
    return None


def _moves_exactly(arrives: DataType, wanted: DataType) -> bool:
    """Whether PostgreSQL itself makes the staged value of every arriving one, as it stands in its own words."""
    if arrives == wanted:
        return True
    if wanted.foreign:
        return False
    widens = arrives.family == wanted.family or (arrives.family, wanted.family) == ("integer", "decimal")
    return widens and not cast_can_fail(arrives, wanted)


def _describe(transfer: Transfer, facts: Facts) -> str:
    source, target = facts.source, facts.target
    match transfer:
        case Transfer.IN_PLACE:
            how = "attached read-only beside the target" if source.attach else "read by the target itself"
            return f"the source is {how}; no row passes through Python"
        case Transfer.COPY:
            return "rows are piped from COPY to COPY in large blocks, judged by the source and parsed by nobody between"
        case Transfer.ATTACH:
            return "DuckDB reads the server itself, in one snapshot; no row passes through Python"
        case Transfer.ARROW:
            return f"rows go from {source.engine} to {target.engine} as Arrow record batches"


def _refuse(wanted: Transfer, obstacle: str) -> Diagnostic:
    return Diagnostic(
        code="DMS320",
        message=f"rows cannot travel by {wanted}: {obstacle}",
        path=(),
        help="leave --transfer out: the plan chooses the fastest way that is exact, and says why",
    )
