"""Source rows that are made up for a spec, of two days. Reads nothing but the spec."""

from collections.abc import Iterator
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
from dmsflow.rehearsal.made_up import TABLE, Layout, ScratchColumn, edges_of, make_rows
from dmsflow.rehearsal.named import named_columns
from dmsflow.rehearsal.prepare import check_types, read_columns

quote = DuckDBIdioms().quote
ALIAS = "dms_day"


class GeneratedRows(Struct, frozen=True, kw_only=True):
    """The source as it is on one of the days."""

    file: Path
    columns: tuple[Column, ...]

    def source(self, table: TableName | None, session: DuckDBSession) -> GivenRows:
        """The rows of the one table, or of the file, that the spec reads."""
        alias = f"{ALIAS}_{self.file.stem}"
        session.execute(f"ATTACH IF NOT EXISTS {write_text(str(self.file))} AS {alias} (READ_ONLY)")
        relation = f"{alias}.main.{quote(TABLE)}"
        return GivenRows(relation=relation, columns=self.columns, as_text=False, origin="made-up rows")

    def files(self, pattern: str) -> str | None:
        """None: rows of a file are made up too."""
        return None

    def target(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """None: the first day is loaded into it."""
        return None

    def dimension(self, table: TableName, session: DuckDBSession) -> GivenRows | None:
        """None: its keys would be others than those that are made up for the source."""
        return None


@contextmanager
def generate_days(spec: PipelineSpec, rows: int, seed: int) -> Iterator[tuple[GeneratedRows, GeneratedRows]]:
    """Two days of a source: on the second, keys are new, changed, gone, NULL and twice. Raises PlanRefused."""
    layout = lay_out_source(spec)
    columns = tuple(Column(name=column.name, type=column.type) for column in layout.columns)
    with TemporaryDirectory(prefix="dmsflow-dry-run-") as folder:

        def day_file(day: int) -> Path:
            return Path(folder) / f"{day}.duckdb"

        engine = DuckDBEngine(None)
        try:
            with closing(engine.connect()) as session:
                make_rows(layout, max(rows, LEAST_ROWS), seed, session)
            make_days(layout, engine, seed, day_file)
        finally:
            engine.close()
        yield GeneratedRows(file=day_file(1), columns=columns), GeneratedRows(file=day_file(2), columns=columns)


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
            for name, data_type in read_columns(spec).items()
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
        if plain is not None:
            yield plain
        else:
            yield from named_columns(_spec_of_one(spec, name))


def _spec_of_one(spec: PipelineSpec, name: str) -> PipelineSpec:
    """The spec with one column, and no predicate."""
    kept = tuple(column for column in spec.columns if column.name == name)
    return replace(spec, columns=kept, source=replace(spec.source, where=None))
