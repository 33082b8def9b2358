"""The stand-in of the driver, with the savepoints that DuckDB has not: it keeps all rows, and puts them back.

One connection writes at a time. Savepoints are Oracle's: one of a name takes the place of the last of that name, going
back to one forgets those after it, and nothing gives one up but the end of the transaction.
"""

import re
from pathlib import Path
from typing import Any

import duckdb

from tests.oracle.driver import Answer, FakePool, oracle_error
from tests.oracle.parsers import inner_statements
from tests.oracle.serving import COUNT, CREATED, SCHEMA, TEXT, ServingConnection, ServingCursor, ServingDriver

TABLES = """
SELECT format('"{}"."{}"."{}"', database_name, schema_name, table_name), table_name
FROM duckdb_tables() WHERE NOT internal
"""
CONTROL = re.compile(r"^(SAVEPOINT|ROLLBACK TO SAVEPOINT) (\w+)$")
STATEMENTS = ("execute", "executemany", "fetch_df_batches")


class UndoingDriver(ServingDriver):
    """Connections that can undo a part of what they did."""

    def __init__(self) -> None:
        # In memory: rows are put back often.
        super().__init__(Path(":memory:"))
        self.database.execute("CREATE SEQUENCE rows_made")
        self.waiting: list[tuple[str, str]] = []
        self.indexes = 0

    def make_connection(self, pool: FakePool) -> "UndoingConnection":
        return UndoingConnection(pool)

    def answer_catalog(self, sql: str, values: dict[str, Any]) -> Answer | None:
        if "all_constraints" in sql:
            return Answer("", [TEXT, TEXT], list(self.waiting), None, 0)
        if sql.startswith("SELECT COUNT(*) FROM all_indexes"):
            return Answer("", [COUNT], [(self.indexes,)], None, 0)
        return super().answer_catalog(sql, values)

    def told(self) -> list[str]:
        """What the driver was told, in order: statements, and the names of calls that are none."""
        return [_statement(detail) if name in STATEMENTS else name for name, detail in self.calls if name != "parse"]

    def print_tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that others see."""
        session = self.database.cursor()
        tables = session.execute(TABLES).fetchall()
        return {name: sorted(session.execute(f"FROM {place}").fetchall(), key=str) for place, name in tables}

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """What somebody else does to the tables."""
        return self.database.cursor().execute(f'USE "{SCHEMA}"').execute(sql).fetchall()


def _statement(detail: Any) -> str:
    return str(detail["statement"] if isinstance(detail, dict) else detail.sql)


class UndoingConnection(ServingConnection):
    """One connection: what the tables held when the transaction began, and at each savepoint."""

    def __init__(self, pool: FakePool) -> None:
        super().__init__(pool)
        vars(self).update(savepoints=[])

    def cursor(self) -> "UndoingCursor":
        return UndoingCursor(self)

    def begin(self) -> None:
        if not self.autocommit and not self.changing:
            vars(self).update(changing=True)
            self.save("")

    def save(self, name: str) -> None:
        """Keep all rows, in place of what is kept under that name."""
        kept = [(other, rows) for other, rows in self.savepoints if other != name]
        tables = [place for place, _ in self.session.execute(TABLES).fetchall()]
        vars(self).update(savepoints=[*kept, (name, {place: self._read(place) for place in tables})])

    def _read(self, place: str) -> Any:
        return self.session.execute(f"FROM {place}").to_arrow_table()

    def go_back(self, name: str) -> None:
        """Put the rows back, as ROLLBACK TO SAVEPOINT does."""
        names = [other for other, _ in self.savepoints]
        if name not in names:
            raise oracle_error(1086, f"savepoint '{name}' never established in this session or is invalid")
        vars(self).update(savepoints=self.savepoints[: names.index(name) + 1])
        for place, rows in self.savepoints[-1][1].items():
            if self._read(place).equals(rows):
                continue
            self.session.execute(f"DELETE FROM {place}")
            self.session.register("kept", rows)
            self.session.execute(f"INSERT INTO {place} FROM kept")
            self.session.unregister("kept")

    def _end(self, what: str) -> None:
        if what == "rollback" and self.changing:
            self.go_back("")
        vars(self).update(changing=False, savepoints=[])
        super()._end(what)


class UndoingCursor(ServingCursor):
    """Sets savepoints and goes back to them, and refuses rows as Oracle would."""

    connection: UndoingConnection

    def _run(self, statement: str, values: dict[str, Any]) -> Answer:
        if control := CONTROL.match(statement):
            self.connection.begin()
            (self.connection.save if control[1] == "SAVEPOINT" else self.connection.go_back)(control[2])
            return Answer("", [], [], None, 0)
        try:
            found = super()._run(statement, values)
        except duckdb.ConstraintException as error:
            column = str(error).split(".")[-1]
            raise oracle_error(1400, f'cannot insert NULL into ("DW"."T"."{column}")') from error
        for inner in inner_statements(statement) if statement.startswith(("BEGIN", "DECLARE")) else [statement]:
            if made := CREATED.search(inner):
                self._number_rows(made[1])
        return found

    def _number_rows(self, table: str) -> None:
        """Rows keep their names when they are put back; DuckDB's own are their places."""
        session = self.connection.session
        [place] = [place for place, name in session.execute(TABLES).fetchall() if name == table]
        number = "ADD COLUMN IF NOT EXISTS rowid BIGINT DEFAULT nextval('main.rows_made')"
        session.execute(f"ALTER TABLE {place} {number}")
