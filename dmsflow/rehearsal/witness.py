"""Remembers a few keys of each effect while a plan runs, and reads their rows later. Writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

import sqlalchemy as sa

from dmsflow.compiler.build import schema_of
from dmsflow.compiler.statements import compile_statement
from dmsflow.engines.engine import Binds, Idioms, Session, Value
from dmsflow.model.plan import DELTA, STAGE, Plan, Side
from dmsflow.model.spec import ScdType
from dmsflow.rehearsal.effects import Row
from dmsflow.runtime.run import Steps, Witness
from dmsflow.scd.shape import CLASS, FAULT, at_most, word

KINDS = {
    "new": "inserted",
    "version": "versioned",
    "update": "updated",
    "correct": "updated",
    "gone": "closed",
    "end": "closed",
}
"""The effects by the classes of a delta."""

AT_ONCE = 100
"""Keys that one query looks for."""

MOST_ROWS = 10_000
"""Rows that are read of them: a key may have many versions."""

Key = tuple[Value, ...]


class KeyWitness(Witness):
    """Remembers the first keys of each effect, so many at most; of rows without a key, the rows."""

    def __init__(self, plan: Plan, idioms: Idioms, samples: int) -> None:
        self._plan, self._idioms, self._samples = plan, idioms, samples
        self._keys: dict[str, dict[Key, None]] = {kind: {} for kind in KINDS.values()}
        self._lock = Lock()
        self.rows: list[Row] = []
        """Rows that are appended, as texts."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key, once."""
        return tuple({key: None for keys in self._keys.values() for key in keys})

    def classified(self, steps: Steps, rows: Mapping[str, int], table: str = DELTA) -> None:
        """Remember keys of the classes that there are."""
        for name, kind in KINDS.items():
            if rows.get(name) and self._wants(kind):
                self._remember(kind, steps, _first_keys(self._plan, self._samples, table, CLASS, word(name)))

    def filling(self, steps: Steps) -> None:
        """Remember keys, or rows, of what is staged."""
        if self._plan.scd is not ScdType.APPEND:
            if self._wants("inserted"):
                self._remember("inserted", steps, _first_keys(self._plan, self._samples, STAGE, FAULT, None))
        elif len(self.rows) < self._samples:
            found = self._fetch(steps.session, _first_rows(self._plan, self._samples))
            with self._lock:
                self.rows += as_rows(self._plan.columns, found)
                del self.rows[self._samples :]

    def _wants(self, kind: str) -> bool:
        return len(self._keys[kind]) < self._samples

    def _remember(self, kind: str, steps: Steps, query: sa.Executable) -> None:
        found = self._fetch(steps.session, query)
        with self._lock:
            for key in found:
                if self._wants(kind):
                    self._keys[kind][tuple(key)] = None

    def _fetch(self, session: Session, query: sa.Executable) -> list[tuple[Value, ...]]:
        return session.fetch(compile_statement("sample", Side.TARGET, query, self._idioms).sql)


def read_rows(
    session: Session, idioms: Idioms, plan: Plan, columns: Sequence[str], keys: Sequence[Key]
) -> Iterator[Row]:
    """All rows of the target that have one of the keys, as texts."""
    for first in range(0, len(keys), AT_ONCE):
        query, binds = _rows_of(plan, columns, keys[first : first + AT_ONCE])
        statement = compile_statement("sample", Side.TARGET, query, idioms)
        yield from as_rows(columns, session.fetch(statement.sql, binds))


def as_rows(columns: Sequence[str], found: Sequence[Sequence[Value]]) -> Iterator[Row]:
    """Rows by column."""
    for cells in found:
        yield {name: None if cell is None else str(cell) for name, cell in zip(columns, cells, strict=True)}


def _first_keys(
    plan: Plan, samples: int, table: str, column: str, value: sa.ColumnElement[str] | None
) -> sa.Executable:
    keys: list[sa.ColumnElement[object]] = [sa.column(name) for name in plan.key]
    chosen = sa.column(column).is_(None) if value is None else sa.column(column) == value
    query = sa.select(*keys)
    return at_most(query.select_from(sa.table(table)).where(chosen).distinct().order_by(*keys), samples)


def _first_rows(plan: Plan, samples: int) -> sa.Executable:
    cells = [_as_text(sa.column(name)) for name in plan.columns]
    query = sa.select(*cells)
    return at_most(query.select_from(sa.table(STAGE)).where(sa.column(FAULT).is_(None)), samples)


def _rows_of(plan: Plan, columns: Sequence[str], keys: Sequence[Key]) -> tuple[sa.Executable, Binds]:
    named = dict.fromkeys((*plan.key, *columns))
    table = sa.table(plan.target.table.table, *(sa.column(n) for n in named), schema=schema_of(plan.target.table))
    binds = {f"k{i}_{j}": value for i, key in enumerate(keys) for j, value in enumerate(key)}
    chosen = (
        sa.and_(*(table.c[name] == sa.bindparam(f"k{i}_{j}") for j, name in enumerate(plan.key)))
        for i in range(len(keys))
    )
    query = sa.select(*(_as_text(table.c[name]) for name in columns))
    return at_most(query.where(sa.or_(*chosen)), MOST_ROWS), binds


def _as_text(column: sa.ColumnElement[object]) -> sa.ColumnElement[str]:
    return sa.cast(column, sa.Text())
