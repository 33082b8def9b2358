"""Several days of a source, made of one pool of rows: new keys, changes, deletes, returns, faults. All of it is SQL.

A changed key gets the values of a row that stands for no key of its own, so that every row, but for its key, is one
that the source has. With a checkpoint, rows come in its order: what is new or changed on a day is above the last day.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.engines.duckdb_sql import DuckDBIdioms
from dmsflow.errors import PlanRefused
from dmsflow.rehearsal.made_up import POOL, TABLE, Layout

LEAST_ROWS = 20
quote = DuckDBIdioms().quote
PLACE, DICE, SLICE = '"_dms_place"', '"_dms_dice"', '"_dms_slice"'
OWN = f"{PLACE}, {DICE}, {SLICE}"
GIVERS, FRESH = {2: 7, 3: 9}, {2: 6, 3: 8}
"""Tenths of the pool whose rows change others on a day, and those that are new on it; six tenths are there before."""
CHANGED = {2: (8, 24), 3: (24, 44)}
GONE = {2: (0, 8), 3: (44, 50)}
BACK = (0, 4)
"""Ranges of a dice of 100 sides: keys that change on a day, that go, and that are back on the third."""


class Days(Struct, frozen=True, kw_only=True):
    """Makes the days of a layout in a database that has the pool."""

    layout: Layout
    session: DuckDBSession
    seed: int

    def make(self, day_file: Callable[[int], Path]) -> int:
        """Write a source file for every day; how many rows of the pool are of use."""
        rows = self._rank()
        if rows < LEAST_ROWS:
            raise PlanRefused(
                f"there are {rows} rows with different keys, and days of them need {LEAST_ROWS}: give rows "
                "with more of them, or the key columns a type of more values"
            )
        self.session.execute(f"CREATE TABLE state_1 AS SELECT * FROM ranked WHERE {SLICE} < 6")
        self._advance(2, "")
        back = f"UNION ALL SELECT * FROM state_1 WHERE {DICE} >= {BACK[0]} AND {DICE} < {BACK[1]}"
        self._advance(3, "" if self.layout.append else back)
        for day, faults in ((1, ()), (2, self._faults()), (3, ())):
            self._write(day_file(day), day, faults)
        return rows

    def _rank(self) -> int:
        """Give every usable row of the pool a place, a throw of the dice, and its tenth."""
        layout = self.layout
        key = ", ".join(map(quote, layout.key))
        needed = " AND ".join(f"{quote(name)} IS NOT NULL" for name in (*layout.key, *layout.checkpoint)) or "true"
        seeded = f"hash({', '.join(map(quote, layout.key or layout.names))}, {self.seed})"
        order = ", ".join((*map(quote, (*layout.checkpoint, *layout.effective)), seeded))
        single = f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1" if key else ""
        self.session.execute(
            f"CREATE TABLE ranked AS WITH usable AS (SELECT * FROM {POOL} WHERE {needed} {single}) "
            f"SELECT *, row_number() OVER (ORDER BY {order}) AS {PLACE}, CAST({seeded} % 100 AS INTEGER) AS {DICE}, "
            f"CAST(10 * (row_number() OVER (ORDER BY {order}) - 1) // count(*) OVER () AS INTEGER) AS {SLICE} "
            "FROM usable"
        )
        return int(self.session.fetch("SELECT count(*) FROM ranked")[0][0])  # type: ignore[arg-type]

    def _advance(self, day: int, back: str) -> None:
        """The state of a day from that of the day before: some keys go, some change, some come."""
        before = f"SELECT * FROM state_{day - 1} {back}"
        fresh = f"SELECT * FROM ranked WHERE {SLICE} = {FRESH[day]}"
        if self.layout.append:
            self.session.execute(f"CREATE TABLE state_{day} AS {before} UNION ALL {fresh}")
            return
        (gone, gone_to), (changed, changed_to) = GONE[day], CHANGED[day]
        numbered = f"row_number() OVER (ORDER BY {PLACE}) AS turn"
        kept = f"SELECT * FROM ({before}) WHERE NOT ({DICE} >= {gone} AND {DICE} < {gone_to})"
        picked = ", ".join(
            f"b.{quote(name)}" if name in self.layout.key else f"if(g.turn IS NULL, b.{quote(name)}, g.{quote(name)})"
            for name in self.layout.names
        )
        names = ", ".join(map(quote, self.layout.names))
        self.session.execute(
            f"CREATE TABLE state_{day} AS WITH kept AS ({kept}), "
            f"taker AS (SELECT {PLACE}, {numbered} FROM kept WHERE {DICE} >= {changed} AND {DICE} < {changed_to}), "
            f"giver AS (SELECT *, {numbered} FROM ranked WHERE {SLICE} = {GIVERS[day]}), "
            f"today ({names}, {OWN}) AS (SELECT {picked}, b.{PLACE}, b.{DICE}, b.{SLICE} FROM kept AS b "
            f"LEFT JOIN taker AS t USING ({PLACE}) LEFT JOIN giver AS g ON g.turn = t.turn) "
            f"SELECT * FROM today UNION ALL {fresh}"
        )

    def _faults(self) -> tuple[str, ...]:
        """Selects of rows that are refused, or collapse: a NULL key, a NULL checkpoint, rows twice, a key twice."""
        layout, few = self.layout, f"SELECT * FROM state_2 ORDER BY {PLACE} LIMIT 3"
        last = f"SELECT * FROM state_2 ORDER BY {PLACE} DESC LIMIT"
        names = ", ".join(map(quote, layout.names))
        if layout.append:
            nulls = layout.checkpoint[:1]
            return tuple(f"SELECT {names} FROM (SELECT * REPLACE (NULL AS {quote(n)}) FROM ({few}))" for n in nulls)
        faults = [f"SELECT {names} FROM (SELECT * REPLACE (NULL AS {quote(layout.key[0])}) FROM ({few}))"]
        others = [quote(name) for name in layout.names if name not in layout.key]
        if not layout.unique:
            faults.append(f"SELECT {names} FROM ({last} 3)")
            swapped = ", ".join(f"lag({name}) OVER (ORDER BY {PLACE}) AS {name}" for name in others)
            twice = f"SELECT * REPLACE ({swapped}) FROM" if others else "SELECT * FROM"
            faults.append(f"SELECT {names} FROM ({twice} ({last} 6) QUALIFY row_number() OVER (ORDER BY {PLACE}) < 4)")
        return tuple(faults)

    def _write(self, file: Path, day: int, faults: tuple[str, ...]) -> None:
        names = ", ".join(map(quote, self.layout.names))
        parts = (f"SELECT {names} FROM state_{day}", *faults)
        literal = str(file).replace("'", "''")
        self.session.execute(f"ATTACH '{literal}' AS written")
        self.session.execute(f"CREATE TABLE written.{quote(TABLE)} AS {' UNION ALL '.join(parts)}")
        self.session.execute("DETACH written")


def make_days(layout: Layout, engine: DuckDBEngine, seed: int, day_file: Callable[[int], Path]) -> int:
    """Write a source file for every day from the pool of that database."""
    session = engine.connect()
    try:
        return Days(layout=layout, session=session, seed=seed).make(day_file)
    finally:
        session.close()
