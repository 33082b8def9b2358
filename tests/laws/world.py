"""A small world for the laws: databases on disk, extracts as rows, dmsflow run in this process, tables read back."""

import hashlib
import sqlite3
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import yaml

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunReport
from dmsflow.model.spec import param_values
from dmsflow.rehearsal.exact import ExactEffects, measure_effects
from dmsflow.runtime.apply import Watcher, apply_plan, new_run_id
from tests import postgres
from tests.duckdb_file import DuckDBFile

COLUMNS = {
    "k": "bigint",
    "l": "varchar",
    "a": "varchar",
    "b": "decimal(9,2)",
    "c": "date",
    "d": "double",
    "at": "timestamp",
    "ord": "integer",
    "seq": "bigint",
}


FILES = ("parquet", "csv")


class World:
    """One source and one target of given engines in a folder; the source may be a file that DuckDB writes.

    Two servers are one database where rows shall stay in place.
    """

    def __init__(
        self,
        folder: Path,
        source: str,
        target: str,
        servers: dict[str, str] | None = None,
        transfer: Transfer | None = None,
    ) -> None:
        self.folder, self.source, self.target, self.transfer = folder, source, target, transfer
        self._reader: DuckDBFile | None = None
        on_server = [side for side, engine in (("source", source), ("target", target)) if engine == "postgresql"]
        self.servers = servers or {side: postgres.borrow() for side in on_server}
        if len(on_server) == 2 and transfer is Transfer.IN_PLACE:
            self.servers["source"] = self.servers["target"]

    @property
    def connections(self) -> dict[str, dict[str, str]]:
        return {"src": {"url": self.url("source")}, "dwh": {"url": self.url("target")}}

    def url(self, side: str) -> str:
        """Where the source or the target is; a relative path is one in the folder."""
        engine = self.source if side == "source" else self.target
        if side in self.servers:
            return self.servers[side]
        return f"{'duckdb' if engine in FILES else engine}:///{side}.db"

    def reading(self, spec: dict) -> dict:
        """The spec, from the file where the source is one."""
        if self.source == "csv":
            typed = {name: {"type": COLUMNS[name], **rest} for name, rest in spec["columns"].items()}
            spec = spec | {"columns": typed}
        return spec | {"source": {"file": f"s.{self.source}"}} if self.source in FILES else spec

    def write_source(self, rows, columns=COLUMNS, table="s") -> None:
        """Put an extract into the source table, in place of what was there."""
        names = ", ".join(f'"{name}"' for name in columns)
        marks = "(" + ", ".join("%s" if self.source == "postgresql" else "?" for _ in columns) + ")"
        with self.open("source") as connection:
            connection.execute(f'DROP TABLE IF EXISTS "{table}"')
            declared = ", ".join(f'"{name}" {self.declare(kind)}' for name, kind in columns.items())
            connection.execute(f'CREATE TABLE "{table}" ({declared})')
            values = [tuple(self.adapt(row.get(name)) for name in columns) for row in rows]
            for first in range(0, len(values), 500):
                part = values[first : first + 500]
                many = ", ".join(marks for _ in part)
                connection.execute(f'INSERT INTO "{table}" ({names}) VALUES {many}', [it for row in part for it in row])
            if self.source == "postgresql":
                connection.execute(f'ANALYZE "{table}"')
            connection.commit()
            if self.source in FILES:
                connection.execute(f"COPY \"{table}\" TO '{self.folder / table}.{self.source}'")

    def adapt(self, value):
        """A value as the source's driver takes it."""
        if self.source == "sqlite" and value is not None and not isinstance(value, (int, str, float, bytes)):
            return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else str(value)
        return value

    def declare(self, kind: str) -> str:
        """A type as the source calls it."""
        return "double precision" if self.source == "postgresql" and kind == "double" else kind

    @contextmanager
    def open(self, side: str):
        """A driver's own connection to the source or the target."""
        self.release()
        engine = self.source if side == "source" else self.target
        if engine == "postgresql":
            with psycopg.connect(self.url(side)) as connection:
                yield connection
            return
        path = str(self.folder / f"{side}.db")
        with closing(sqlite3.connect(path) if engine == "sqlite" else DuckDBFile(path)) as connection:
            yield connection

    def read(self, sql: str) -> list[tuple]:
        """Rows of the target. DuckDB takes long to open, so it stays open until somebody else needs the file."""
        if self.target != "duckdb":
            with self.open("target") as connection:
                return connection.execute(sql).fetchall()
        self._reader = self._reader or DuckDBFile(self.folder / "target.db")
        return self._reader.execute(sql).fetchall()

    def release(self) -> None:
        """Close what a reader has left open."""
        if self._reader:
            self._reader.close()
        self._reader = None

    def write_spec(self, spec: dict) -> Path:
        """Write the spec to a file; somebody is going to run it."""
        self.release()
        path = self.folder / f"{spec['pipeline']}.yaml"
        path.write_text(yaml.safe_dump(spec | {"connections": self.connections}, sort_keys=False), encoding="utf-8")
        return path

    def apply(self, spec: dict, watchers: tuple[Watcher, ...] = (), **settings) -> RunReport:
        """Write the spec to a file, plan it, run it."""
        loaded = load_spec(self.write_spec(spec), settings)
        decoded = loaded.raise_if_rejected()
        with open_access(decoded) as access:
            plan = compile_plan(loaded, access, self.folder / "plans", transfer=self.transfer).plan
            params = param_values(decoded.params)
            return apply_plan(plan, access, params=params, run_id=new_run_id(), watchers=watchers)

    def effects(self, spec: dict, **asked) -> ExactEffects:
        """Write the spec to a file, plan it, and count what its run would do."""
        loaded = load_spec(self.write_spec(spec))
        decoded = loaded.raise_if_rejected()
        with open_access(decoded, read_only=True) as access:
            plan = compile_plan(loaded, access, self.folder / "plans", transfer=self.transfer).plan
        return measure_effects(plan, decoded, **asked)

    def print_target(self) -> list[tuple]:
        """Everything that the target holds: the bytes of a file, or all tables of a server and what they look like."""
        self.release()
        if self.target != "postgresql":
            files = sorted(self.folder.glob("target.db*"))
            return [(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
        with self.open("target") as connection:
            return print_server(connection)


def print_server(connection: psycopg.Connection) -> list[tuple]:
    """Every relation of a database that is not the server's own, its columns, constraints and rows."""
    shapes = connection.execute(
        "SELECT n.nspname, c.relname, c.relkind, a.attname, a.atttypid::regtype::text, a.attnotnull FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE n.nspname !~ '^pg_|^information_schema$' ORDER BY 1, 2, a.attnum"
    ).fetchall()
    rules = connection.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2").fetchall()
    tables = {(schema, name) for schema, name, kind, *_ in shapes if kind == "r"}
    rows = [
        row
        for schema, name in sorted(tables)
        for row in connection.execute(f'SELECT tableoid, ctid, t::text FROM "{schema}"."{name}" t').fetchall()
    ]
    return [*shapes, *rules, *rows]


def as_instant(value) -> datetime | None:
    """A timestamp as either driver hands it over."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
