"""A laboratory for bad input: databases and files in a folder, the command line in this process, no traceback ever."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml
from typer.testing import CliRunner

from dmsflow.cli.app import app
from tests import postgres
from tests.duckdb_file import DuckDBFile

TABLES = {
    "duckdb": "SELECT table_name FROM duckdb_tables()",
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict:
        """The run's report; of a run that was refused there is none."""
        return json.loads(self.out) if self.out.startswith("{") else {}

    @property
    def rows(self) -> dict:
        return self.report["rows"]

    @property
    def told(self) -> str:
        """Everything that a person reads of a failure."""
        return self.err + " ".join(error["message"] for error in self.report.get("errors", ()))


class Lab:
    """A folder with a source, a target and specs."""

    def __init__(self, folder: Path, source: str = "duckdb", target: str = "duckdb") -> None:
        self.folder, self.engines = folder, {"source": source, "target": target}
        self.servers = {side: postgres.borrow() for side, engine in self.engines.items() if engine == "postgresql"}
        self._reader: DuckDBFile | None = None

    def url(self, side: str) -> str:
        """Where the source or the target is; a relative path is one in the folder."""
        return self.servers.get(side) or f"{self.engines[side]}:///{side}.db"

    def open(self, side: str):
        self.release()
        if side in self.servers:
            return closing(psycopg.connect(self.servers[side]))
        path = str(self.folder / f"{side}.db")
        return closing(DuckDBFile(path) if self.engines[side] == "duckdb" else sqlite3.connect(path))

    def make(self, *statements: str, side: str = "source") -> None:
        """Run statements in the source, or the target."""
        with self.open(side) as connection:
            for statement in statements:
                connection.execute(statement)
            if side in self.servers:
                connection.execute("ANALYZE")
            connection.commit()

    def read(self, sql: str = "SELECT * FROM t ORDER BY ALL", side: str = "target") -> list[tuple]:
        """Rows of the target. DuckDB takes long to open, so it stays open until somebody else needs the file."""
        if side != "target" or self.engines[side] != "duckdb":
            with self.open(side) as connection:
                return connection.execute(sql).fetchall()
        self._reader = self._reader or DuckDBFile(self.folder / "target.db")
        return self._reader.execute(sql).fetchall()

    def release(self) -> None:
        """Close what a reader has left open."""
        if self._reader:
            self._reader.close()
        self._reader = None

    def tables(self) -> set[str]:
        """The tables of the target that are not dmsflow's own."""
        if "target" not in self.servers and not (self.folder / "target.db").exists():
            return set()
        return {name for (name,) in self.read(TABLES[self.engines["target"]]) if not name.startswith("dmsflow_")}

    def spec(self, *, name: str = "p", file: str | None = None, key=(), scd=1, **more) -> Path:
        """Write a spec: table s into table t, unless ``more`` says otherwise."""
        source = {"file": file} if file else {"connection": "src", "table": "s"}
        spec = {
            "version": 1,
            "pipeline": name,
            "source": {k: v for k, v in (source | more.pop("source", {})).items() if v is not None},
            "target": {"connection": "dwh", "table": "t"} | more.pop("target", {}),
            "scd": scd,
            **({"key": list(key)} if key else {}),
            **more,
        }
        spec.setdefault("connections", {"src": {"url": self.url("source")}, "dwh": {"url": self.url("target")}})
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    def run(self, *words: str | Path) -> Outcome:
        """Run a command; an exception that is no exit would be a traceback."""
        self.release()
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise AssertionError(f"a traceback: {result.exception!r}") from result.exception
        return Outcome(code=result.exit_code, out=result.stdout, err=result.stderr)

    def apply(self, *words: str, **spec) -> Outcome:
        """Apply a spec; its report as JSON."""
        return self.run("apply", self.spec(**spec), "--format", "json", *words)
