"""Source rows that are made up for a spec, of two days. Reads nothing but the spec."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.compiler.columns import source_name
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms, write_text
from dmsflow.errors import PlanRefused
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import Column, TableName
from dmsflow.rehearsal.days import LEAST_ROWS, make_days
from dmsflow.rehearsal.given import GivenRows
from dmsflow.rehearsal.made_up import POOL, TABLE, Layout, ScratchColumn, edges_of, make_rows
from dmsflow.rehearsal.made_up_dimensions import Dimension, expect_one_key, list_dimensions, make_up
from dmsflow.rehearsal.named import named_columns
from dmsflow.rehearsal.prepare import check_types, parts_of_lookups, read_columns

quote = DuckDBIdioms().quote
ALIAS, DIMENSION = "dms_day", "dimension_"


class GeneratedRows(Struct, frozen=True, kw_only=True):
    """The source as it is on one of the days."""

    file: Path
    columns: tuple[Column, ...]
    dimensions: Mapping[str, tuple[Column, ...]] = {}
    """The columns of dimensions by name; their rows are in the first day's database, in the same order."""

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The rows of the one table, or of the file, that the spec reads."""
        return self._give(session, TABLE, self.columns)

    def _give(self, session: DuckDBSession, table: str, columns: tuple[Column, ...]) -> GivenRows:
        alias = f"{ALIAS}_{self.file.stem}"
        session.execute(f"ATTACH IF NOT EXISTS {write_text(str(self.file))} AS {alias} (READ_ONLY)")
        relation = f"{alias}.main.{quote(table)}"
        return GivenRows(relation=relation, columns=columns, as_text=False, origin="made-up rows")

    def files(self, pattern: str) -> str | None:
        """None: rows of a file are made up too."""
        return None

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """None: the first day is loaded into it."""
        return None

    def dimension(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """Versions of most of the keys that are made up for the source."""
        name = str(table).lower()
        return self._give(session, f"{DIMENSION}{list(self.dimensions).index(name)}", self.dimensions[name])


@contextmanager
def generate_days(spec: PipelineSpec, rows: int, seed: int) -> Iterator[tuple[GeneratedRows, GeneratedRows]]:
    """Two days of a source: on the second, keys are new, changed, gone, NULL and twice. Raises PlanRefused."""
    layout = lay_out_source(spec)
    columns = tuple(Column(name=column.name, type=column.type) for column in layout.columns)
    dimensions = list_dimensions(spec)
    expect_one_key(dimensions)
    types = {column.name: column.type for column in columns}
    described = {str(it.table).lower(): it.columns(types) for it in dimensions}
    with TemporaryDirectory(prefix="dmsflow-dry-run-") as folder:

        def day_file(day: int) -> Path:
            return Path(folder) / f"{day}.duckdb"

        engine = DuckDBEngine(None)
        try:
            with closing(engine.connect()) as session:
                make_rows(layout, max(rows, LEAST_ROWS), seed, session)
            make_days(layout, engine, seed, day_file)
            with closing(engine.connect()) as session:
                for day in (1, 2) if dimensions else ():
                    _add_dimensions(day_file(day), dimensions, described, seed, session)
        finally:
            engine.close()
        first, second = (GeneratedRows(file=day_file(day), columns=columns, dimensions=described) for day in (1, 2))
        yield first, second


def _add_dimensions(
    file: Path,
    dimensions: Sequence[Dimension],
    described: Mapping[str, tuple[Column, ...]],
    seed: int,
    session: DuckDBSession,
) -> None:
    """Write the dimensions of a spec beside a day's rows: the same on every day."""
    session.execute(f"ATTACH {write_text(str(file))} AS written")
    for i, dimension in enumerate(dimensions):
        table = f"written.main.{quote(f'{DIMENSION}{i}')}"
        make_up(dimension, table, POOL, described[str(dimension.table).lower()], seed, session)
    session.execute("DETACH written")


def lay_out_source(spec: PipelineSpec) -> Layout:
    """The columns of the source as the spec tells them. Raises PlanRefused where it does not."""
    if spec.source.query is not None:
        raise PlanRefused("rows are made up for a table or a file, and the source is a query: give rows with --data")
    check_types(spec)
    named_in_sql = named_columns(spec)
    return Layout(
        columns=tuple(
            ScratchColumn(
                name=name,
                type=data_type,
                odds=1 if operations(spec, name) else 2,
                likely=operations(spec, name) or (named_in_sql[name].likely if name in named_in_sql else ()),
                edges=edges_of(data_type, extreme=name not in named_in_sql),
            )
            for name, data_type in (parts_of_lookups(spec) | read_columns(spec)).items()
        ),
        key=tuple(dict.fromkeys(_key_columns(spec))),
        checkpoint=spec.checkpoint.columns if spec.checkpoint.by_key else (),
        effective=(spec.scd.effective_at,) if spec.scd.effective_at else (),
        unique=spec.source.unique,
        append=spec.scd.type is ScdType.APPEND,
    )


def operations(spec: PipelineSpec, name: str) -> tuple[str, ...]:
    """The values of the column that says what happened to a row, as SQL; none of another column."""
    op = spec.source.op
    return tuple(map(write_text, op.known)) if op and op.column == name else ()


def _key_columns(spec: PipelineSpec) -> Iterator[str]:
    """The source columns that the key is made of."""
    columns = {column.name: column for column in spec.columns}
    for name in spec.key:
        column = columns.get(name)
        if column is None or column.has_value:
            continue
        plain = source_name(column)
        if column.lookup is not None:
            yield from (source for _, source in column.lookup.key)
        elif plain is not None:
            yield plain
        else:
            yield from named_columns(_spec_of_one(spec, name))


def _spec_of_one(spec: PipelineSpec, name: str) -> PipelineSpec:
    """The spec with one column, and no predicate."""
    kept = tuple(column for column in spec.columns if column.name == name)
    return replace(spec, columns=kept, source=replace(spec.source, where=None))
