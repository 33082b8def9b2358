"""What a run did to its target: samples of each kind of effect, by comparing the table before and after."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms, write_text
from dmsflow.engines.name_keys import UNKNOWN_NUMBER, UNKNOWN_UUID
from dmsflow.model.evolution import Change
from dmsflow.model.plan import Plan
from dmsflow.model.result import RowCounts
from dmsflow.model.spec import PipelineSpec, ScdType
from dmsflow.model.table import DataType, TableName, TableShape
from dmsflow.rehearsal.scratch import in_source

quote = DuckDBIdioms().quote
BEFORE = DuckDBIdioms().qualify(in_source(TableName(table="_dms_before")))
PLACE = '"_dms_place"'
ORDERED = 6
"""By how many columns samples are put in order."""

SORTED = ("integer", "decimal", "float", "date", "timestamp", "timestamptz")
"""The families of types that do not sort as their texts do."""

Row = dict[str, str | None]
"""Values by column, as a database writes them."""


class Sample(Struct, frozen=True, kw_only=True):
    """One row of the target as it was, and as it is: None where there was, or is, none."""

    old: Row | None
    new: Row | None


class Effect(Struct, frozen=True, kw_only=True):
    """One kind of effect: how many rows, in the words of the report, and a few of them."""

    kind: str
    rows: int
    samples: tuple[Sample, ...]


class Comparison(Struct, frozen=True, kw_only=True):
    """The target before and after. Rows are the same where ``identity`` is: the key, and the start of the version.

    ``kinds`` are the types of the target's columns, in whose order samples are shown.
    """

    session: DuckDBSession
    spec: PipelineSpec
    columns: tuple[str, ...]
    known: tuple[str, ...]
    kinds: dict[str, DataType]
    samples: int

    @property
    def table(self) -> str:
        """The target as it stands in FROM."""
        return DuckDBIdioms().qualify(self.spec.target.table)

    @property
    def history(self) -> bool:
        """Whether a key has versions."""
        return self.spec.scd.type is ScdType.HISTORY

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns by which a row is the same; all of them where there is no key."""
        if self.spec.scd.type is ScdType.APPEND:
            return self.known
        return (*self.spec.key, *((self.spec.scd.fields.valid_from,) if self.history else ()))

    def effects(self, rows: RowCounts) -> tuple[Effect, ...]:
        """Every kind that happened, with samples where the target shows them."""
        shown = {
            "inserted": self._new(versioned=False),
            "versioned": self._new(versioned=True),
            "updated": self._updated(),
            "closed": self._closed(),
            "rewritten": self._rewritten(),
        }
        kinds = [name for name in RowCounts.__struct_fields__ if name != "read" and getattr(rows, name)]
        return tuple(
            Effect(kind=name, rows=getattr(rows, name), samples=tuple(self._read(shown[name])) if name in shown else ())
            for name in kinds
        )

    def _same(self, one: str, other: str, names: Sequence[str]) -> str:
        return " AND ".join(f"{one}.{quote(name)} IS NOT DISTINCT FROM {other}.{quote(name)}" for name in names)

    def _new(self, *, versioned: bool) -> str:
        """Rows that were not there; with the version before them, where they follow one at once."""
        absent = f"NOT EXISTS (FROM {BEFORE} AS b WHERE {self._same('b', 'a', self.identity)}){self._no_member()}"
        if not self.history:
            return f"SELECT {self._pick('a')}, {self._none()} FROM {self.table} AS a WHERE {absent}"
        fields = self.spec.scd.fields
        follows = f"{self._same('o', 'a', self.spec.key)} AND o.{quote(fields.valid_to)} = a.{quote(fields.valid_from)}"
        kind = "SEMI" if versioned else "ANTI"
        old = f"LEFT JOIN {self.table} AS o ON {follows}" if versioned else ""
        picked = self._pick("o") if versioned else self._none()
        if versioned and fields.is_deleted in self.known:
            absent += f" AND NOT a.{quote(fields.is_deleted)}"
        return (
            f"SELECT {self._pick('a')}, {picked} FROM (SELECT a.* FROM {self.table} AS a "
            f"{kind} JOIN {self.table} AS o ON {follows}) AS a {old} WHERE {absent}"
        )

    def _no_member(self) -> str:
        """The unknown member is none of the source's rows, and counted nowhere."""
        name = self.spec.scd.fields.surrogate_key
        if not self.spec.scd.unknown_member or name not in self.columns:
            return ""
        listed = ", ".join(write_text(str(key)) for key in (UNKNOWN_NUMBER, UNKNOWN_UUID))
        return f" AND CAST(a.{quote(name)} AS VARCHAR) NOT IN ({listed})"

    def _updated(self) -> str:
        """Rows that are the same, with other values in a column of the user's, or that are there again."""
        own = {name.lower() for name in self._engine_columns()}
        differing = [name for name in self.columns if name.lower() not in own and name not in self.identity]
        changed = " OR ".join([*map(self._changed, differing), self._returned()])
        return self._pair("JOIN", f"{self._is_open('a')} AND ({changed})")

    def _rewritten(self) -> str:
        """Versions that are closed, with other values in the columns that all versions of a key share."""
        names = [column.name for column in self.spec.columns if self.spec.is_everywhere(column)]
        changed = " OR ".join(map(self._changed, names)) or "FALSE"
        return self._pair("JOIN", f"NOT {self._is_open('a')} AND ({changed})")

    def _returned(self) -> str:
        """Whether a row was flagged as deleted, and is so no more."""
        flag = self.spec.scd.fields.is_deleted
        return f"(b.{quote(flag)} AND NOT a.{quote(flag)})" if flag in self.known else "FALSE"

    def _changed(self, name: str) -> str:
        """Whether a column has another value; one that is new had none."""
        if name not in self.known:
            return f"a.{quote(name)} IS NOT NULL"
        return f"a.{quote(name)} IS DISTINCT FROM b.{quote(name)}"

    def _closed(self) -> str:
        """Rows that are there no more, or hold no more, and that no new version follows."""
        fields = self.spec.scd.fields
        if not self.history:
            flag = quote(fields.is_deleted)
            flagged = fields.is_deleted in self.known
            gone = f"a.{flag} AND NOT b.{flag}" if flagged else f"a.{PLACE} IS NULL"
            return self._pair("RIGHT JOIN", gone)
        current = quote(fields.is_current)
        deleted = f" AND NOT n.{quote(fields.is_deleted)}" if fields.is_deleted in self.known else ""
        followed = (
            f"EXISTS (FROM {self.table} AS n WHERE {self._same('n', 'a', self.spec.key)} "
            f"AND n.{quote(fields.valid_from)} = a.{quote(fields.valid_to)}{deleted})"
        )
        return self._pair("JOIN", f"b.{current} AND NOT a.{current} AND NOT {followed}")

    def _pair(self, join: str, condition: str) -> str:
        after = f"(SELECT *, 1 AS {PLACE} FROM {self.table})"
        new = self._pick("a", f"a.{PLACE} IS NOT NULL")
        return (
            f"SELECT {new}, {self._pick('b')} FROM {after} AS a {join} {BEFORE} AS b "
            f"ON {self._same('a', 'b', self.identity)} WHERE {condition}"
        )

    def _is_open(self, alias: str) -> str:
        return f"{alias}.{quote(self.spec.scd.fields.is_current)}" if self.history else "TRUE"

    def _engine_columns(self) -> Iterator[str]:
        fields = self.spec.scd.fields
        for name in fields.__struct_fields__:
            if value := getattr(fields, name):
                yield value

    def _pick(self, alias: str, there: str = "TRUE") -> str:
        """The columns as text, and whether there is such a row."""
        known = self.known if alias == "b" else self.columns
        picked = (
            f"CAST({alias}.{quote(name)} AS VARCHAR)" if name in known else "CAST(NULL AS VARCHAR)"
            for name in self.columns
        )
        return ", ".join((*picked, there))

    def _none(self) -> str:
        return ", ".join([*("CAST(NULL AS VARCHAR)" for _ in self.columns), "FALSE"])

    def _read(self, sql: str) -> Iterator[Sample]:
        width = len(self.columns) + 1
        names = ", ".join(f"c{i}" for i in range(2 * width))
        order = ", ".join(self._order(width))
        for row in self.session.fetch(f"FROM ({sql}) AS found({names}) ORDER BY {order} LIMIT {self.samples}"):
            new, old = row[:width], row[width:]
            yield Sample(old=self._row(old), new=self._row(new))

    def _order(self, width: int) -> Iterator[str]:
        """By the key, as its type sorts; a text that is no value of the type, and all others, as text."""
        leading = [name for name in self.identity[:ORDERED] if name in self.columns] or [self.columns[0]]
        for first in (0, width):
            for name in leading:
                cell, kind = f"c{first + self.columns.index(name)}", self.kinds.get(name)
                if kind is not None and kind.family in SORTED:
                    yield f"TRY_CAST({cell} AS {DuckDBIdioms().type_sql(kind.common)})"
                yield cell

    def _row(self, values: Sequence[object]) -> Row | None:
        *cells, there = values
        if not there:
            return None
        return {name: None if c is None else str(c) for name, c in zip(self.columns, cells, strict=True)}


def keep_before(session: DuckDBSession, table: TableName) -> tuple[str, ...]:
    """Keep the target as it is; its columns, none where it is not there yet."""
    shape = session.describe_table(table)
    if shape is None:
        return ()
    session.execute(f"CREATE OR REPLACE TABLE {BEFORE} AS SELECT * FROM {DuckDBIdioms().qualify(table)}")
    return shape.names


def rename_before(session: DuckDBSession, plan: Plan, known: tuple[str, ...]) -> tuple[str, ...]:
    """Give what was kept the names that the plan has given its columns; the columns by these."""
    names = old_names(plan) if known else {}
    for new, old in names.items():
        session.execute(f"ALTER TABLE {BEFORE} RENAME COLUMN {quote(old)} TO {quote(new)}")
    new_names = {old: new for new, old in names.items()}
    return tuple(new_names.get(name, name) for name in known)


def old_names(plan: Plan) -> dict[str, str]:
    """What the columns that the plan renames are called before."""
    renamed = (step for step in plan.migration if step.change is Change.RENAME and step.statements)
    return {step.after: step.before for step in renamed if step.after and step.before}


def compare(
    session: DuckDBSession,
    spec: PipelineSpec,
    known: tuple[str, ...],
    rows: RowCounts,
    samples: int,
    target: TableShape | None = None,
) -> tuple[Effect, ...]:
    """The effects of a run of that spec; ``known`` are the columns that the target had before.

    ``target`` is what its columns really are, where they are texts here.
    """
    shape = session.describe_table(spec.target.table)
    if shape is None:
        return ()
    if not known:
        session.execute(
            f"CREATE OR REPLACE TABLE {BEFORE} AS SELECT * FROM {DuckDBIdioms().qualify(spec.target.table)} LIMIT 0"
        )
    comparison = Comparison(
        session=session,
        spec=spec,
        columns=shape.names,
        known=known or shape.names,
        kinds={column.name: column.type for column in (target or shape).columns},
        samples=samples,
    )
    return comparison.effects(rows)
