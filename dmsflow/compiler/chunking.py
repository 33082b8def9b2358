"""Decides how the work is cut: over which keys, into how many chunks, and why. Pure; reads no data."""

from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.columns import LoadedColumn
from dmsflow.model.checks import CheckOn
from dmsflow.model.facts import Facts
from dmsflow.model.plan import Chunk, Counting
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import DataType, TypeName, can_bound

STAGE_BYTES = 256 * 2**20
"""About how much of a table a chunk of an embedded target may hold at once."""

ALIKE = ("decimal", "date", "timestamp", "timestamptz", "uuid")
SORTING_ALIKE = ("duckdb", "postgresql", "oracle")
"""Databases that store these families as numbers or bytes of one length, and sort them as those."""

NUMBERS = ("integer", "decimal")

SAMPLED_ROWS = 100_000
MAX_CHUNKS = 10_000
WIDTHS = {TypeName.TEXT: 32, TypeName.JSON: 128, TypeName.BYTES: 64, TypeName.UUID: 16, TypeName.DECIMAL: 16}


class Cut(Struct, frozen=True, kw_only=True):
    """The decision: ``keys`` are source columns, ``targets`` the target columns they become.

    ``counted``: chunks are no ranges of keys, but so many rows as they are read.
    """

    count: int
    keys: tuple[str, ...]
    targets: tuple[str, ...]
    rows: int
    why: str
    counted: bool = False

    @property
    def by_sample(self) -> bool:
        """Whether chunks are so large that a sample cuts them as evenly as all keys would."""
        return self.rows >= SAMPLED_ROWS


def decide_cut(spec: PipelineSpec, facts: Facts, columns: tuple[LoadedColumn, ...]) -> Cut:
    """How many chunks, over which keys."""
    rows = spec.parallel.chunk_rows or default_chunk_rows(columns, facts.target.engine)
    whole = Cut(count=1, keys=(), targets=(), rows=rows, why="", counted=spec.checkpoint.counted)
    estimate = facts.source.estimated_rows
    if at_once := _needs_all_rows(spec):
        return _one(whole, at_once)
    if estimate is None:
        return _one(whole, "the number of source rows is not known without reading them")
    if estimate < max(spec.parallel.min_rows, 1):
        return _one(whole, f"about {estimate:,} rows are fewer than min_rows = {spec.parallel.min_rows:,}")
    count = min(-(-estimate // rows), MAX_CHUNKS)
    if spec.parallel.chunk_rows is None and estimate <= rows * 5 // 4:
        count = 1
    if count <= 1:
        return _one(whole, f"about {estimate:,} rows fit into one chunk of {rows:,}")
    if whole.counted:
        if facts.source.one_file:
            return _one(whole, "source and target are one file, which nobody can write to while it is read")
        rows = max(rows, -(-estimate // MAX_CHUNKS))
        order = ", ".join(spec.scd.order_by) or "their places in the file"
        why = f"about {estimate:,} rows, counted off by {order} in chunks of {rows:,}; the last one takes what is left"
        return replace(whole, count=count, rows=rows, why=why)
    if facts.source.as_text or not facts.source.repeatable:
        return _one(whole, "the source is read once from end to end: it can be cut no cheaper than it is read")
    keys, obstacle = find_keys(spec, facts, columns)
    if obstacle:
        return _one(whole, obstacle)
    names = tuple(column.source.name for column in keys if column.source)
    targets = tuple(column.name for column in keys)
    why = f"about {estimate:,} rows in chunks of {rows:,}, cut by quantiles of {', '.join(names)}"
    return _limit_scans(Cut(count=count, keys=names, targets=targets, rows=rows, why=why), spec, facts)


def _needs_all_rows(spec: PipelineSpec) -> str | None:
    """What has to see all rows before anything is written."""
    if any(check.on is CheckOn.STAGED for check in spec.checks):
        return "checks on the staged set look at all rows before anything is written"
    return "which partitions arrive is known when all rows are staged" if spec.scd.within.partition else None


def _limit_scans(cut: Cut, spec: PipelineSpec, facts: Facts) -> Cut:
    """No more chunks than workers where each has to read the whole target; a size that the spec gives is kept."""
    known, workers = facts.target.range_columns, most_workers(spec)
    merges = spec.scd.type is not ScdType.APPEND and spec.parallel.chunk_rows is None
    if not merges or known is None or cut.targets[0] in known or cut.count <= workers:
        return cut
    blind = f'the target has no index that begins with "{cut.targets[0]}", so every chunk reads all of it'
    if workers == 1:
        return replace(cut, count=1, keys=(), targets=(), why=blind)
    why = f"one for each worker, cut by quantiles of {', '.join(cut.keys)}: {blind}"
    return replace(cut, count=workers, rows=-(-cut.count * cut.rows // workers), why=why)


def find_keys(
    spec: PipelineSpec, facts: Facts, columns: tuple[LoadedColumn, ...]
) -> tuple[tuple[LoadedColumn, ...], str | None]:
    """The columns to cut by, or what stands in the way."""
    wanted = spec.parallel.chunk_by or spec.key
    if not wanted:
        return (), "there is no key to cut by"
    by_name = {column.source.name.lower(): column for column in reversed(columns) if column.source}
    by_name |= {column.name.lower(): column for column in columns}
    keys = []
    for name in wanted:
        column = by_name.get(name.lower())
        if column is None or column.source is None:
            return (), f'"{name}" is not a source column of its own, so a range of it cannot be read'
        if not can_bound(column.arrives):
            return (), f'a range of "{name}" ({column.arrives}) cannot be bounded exactly'
        if spec.scd.type is not ScdType.APPEND and not same_order(column, facts):
            return (), f'"{name}" does not sort in the source ({column.arrives}) as in the target ({column.type})'
        keys.append(column)
    return tuple(keys), None


def same_order(column: LoadedColumn, facts: Facts) -> bool:
    """Whether a range of the source column is the same range of the target column (law 2)."""
    family = column.arrives.family
    alike = facts.source.engine in SORTING_ALIKE and facts.target.engine in SORTING_ALIKE
    if family in NUMBERS and column.type.family in NUMBERS and family != column.type.family:
        return alike and not column.arrives.scale and not column.type.scale
    if family != column.type.family or (family == "decimal" and column.arrives.scale != column.type.scale):
        return False
    if family == "text":
        return _sorts_text_alike(column, facts)
    return family == "integer" or facts.source.in_place or (family in ALIKE and alike)


def _sorts_text_alike(column: LoadedColumn, facts: Facts) -> bool:
    """Whether a text has one order on both sides: the same one of one database, or that of its bytes."""
    assert column.source is not None
    source, target = column.source.collation, column.existing.collation if column.existing else None
    if facts.source.in_place and source == target:
        return True
    return facts.source.binary_text_order and facts.target.binary_text_order and source is None and target is None


def default_chunk_rows(columns: tuple[LoadedColumn, ...], engine: str) -> int:
    """Rows of a chunk by the width of a row; a whole number of row groups of a DuckDB table."""
    width = sum(_width(column.type) for column in columns) or 8
    rows = STAGE_BYTES // width
    if engine != "duckdb":
        return max(10_000, min(rows // 4, 250_000))
    group = 122_880
    return max(group, min(rows // group, 64) * group)


def _width(data_type: DataType) -> int:
    if data_type.name is TypeName.VARCHAR:
        return max(8, min(data_type.length or 32, 64) // 2)
    return WIDTHS.get(data_type.name, 8)


def _one(cut: Cut, why: str) -> Cut:
    return replace(cut, why=why)


def count_off(spec: PipelineSpec, cut: Cut) -> Counting | None:
    """How a plan counts rows, where it does."""
    return Counting(rows=cut.rows, by=spec.scd.order_by) if cut.counted else None


def make_chunks(cut: Cut, facts: Facts) -> tuple[Chunk, ...]:
    """The chunks between the boundaries: they touch, never overlap, and the outer ends are open (law 1)."""
    estimate = facts.source.estimated_rows
    if cut.counted:
        rest = None if estimate is None else max(estimate - (cut.count - 1) * cut.rows, 0)
        shares = [*([cut.rows] * (cut.count - 1)), rest]
        return tuple(Chunk(number=i, estimated_rows=share) for i, share in enumerate(shares, start=1))
    bounds = [bound for i, bound in enumerate(facts.boundaries) if i == 0 or facts.boundaries[i - 1] != bound]
    share = estimate // (len(bounds) + 1) if estimate is not None else None
    ends = [None, *bounds, None]
    return tuple(
        Chunk(number=number, lower=lower, upper=upper, estimated_rows=share)
        for number, (lower, upper) in enumerate(pairwise(ends), start=1)
    )


def count_workers(spec: PipelineSpec, facts: Facts, chunks: int) -> tuple[int, str]:
    """How many threads, and why."""
    if chunks == 1:
        return 1, "one chunk runs in the caller's thread"
    if spec.checkpoint.counted:
        return 1, "strategy python counts rows as they are read, in one thread"
    if spec.parallel.workers is not None:
        return min(spec.parallel.workers, chunks), "the spec says so"
    if facts.target.embedded:
        return 1, "an embedded target uses all cores for each chunk already"
    return min(most_workers(spec), chunks), "the number of cores, 8 at most"


def most_workers(spec: PipelineSpec) -> int:
    """How many threads may work at once."""
    import os

    return spec.parallel.workers or min(8, os.cpu_count() or 1)
