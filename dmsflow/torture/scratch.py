"""The scratch place: a folder with data, and for each row of days a target and a ledger of its own. Runs no spec."""

import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from dmsflow.engines.address import REFERENCE, resolve
from dmsflow.engines.connections import open_engine
from dmsflow.engines.engine import Engine, Session
from dmsflow.errors import ConnectionFailed, DatabaseError
from dmsflow.model.spec import Connection, PipelineSpec, SecretText
from dmsflow.model.table import TableName

SOURCE, TARGET = "scratch_source", "scratch_target"
FILES = {"duckdb": "duckdb", "sqlite": "sqlite"}
"""Engines whose scratch target is a file, and its ending."""
DAYS = (1, 2, 3)
SHARED_SCHEMA = "dmsflow_torture"


class Place(Struct, frozen=True, kw_only=True):
    """A target of its own, with the spec that loads it, its ledger and what its children said."""

    folder: Path
    schema: str | None = None

    @property
    def spec_file(self) -> Path:
        """The spec, rewritten for this place; it can be applied by hand."""
        return self.folder / "spec.yaml"

    @property
    def ledger(self) -> Path:
        """The ledger of its runs."""
        return self.folder / ".dmsflow" / "ledger.db"

    @property
    def log(self) -> Path:
        """What its children printed."""
        return self.folder / "children.log"

    @property
    def report(self) -> Path:
        """The report of the latest apply that ended by itself."""
        return self.folder / "report.json"

    @property
    def notes(self) -> Path:
        """What the judge remembers from day to day."""
        return self.folder / "notes.json"


class Scratch(Struct, frozen=True, kw_only=True):
    """Everything of one torture. ``server`` is the user's target where its scratch is a schema of that database."""

    root: Path
    name: str
    engine: str
    server: Connection | None = None

    @property
    def source(self) -> Path:
        """The database that applies read: a copy of today's."""
        return self.root / "source.duckdb"

    def day_file(self, day: int) -> Path:
        """The source as it is on that day."""
        return self.root / f"day_{day}.duckdb"

    @property
    def base_file(self) -> Path:
        """The rewritten spec without connections and target, as JSON."""
        return self.root / "base.json"

    @property
    def dimensions(self) -> Path:
        """The dimensions that the spec looks keys up in."""
        return self.root / "dimensions.duckdb"

    def place(self, name: str) -> Place:
        """A place by its name."""
        return Place(folder=self.root / name, schema=f"{self.name}_{name}" if self.server else None)

    def begin_day(self, day: int) -> None:
        """Put the day's source where applies read it."""
        shutil.copyfile(self.day_file(day), self.source)

    def prepare(self, place: Place, base: dict[str, Any]) -> None:
        """Make the folder of a place and write its spec."""
        place.folder.mkdir(parents=True)
        target = dict(base["target"])
        if place.schema:
            target["table"] = f'"{place.schema}".{_quote(target["table"])}'
        else:
            schema = target.pop("schema", None) if self.engine == "duckdb" else target.pop("schema", None) and None
            target["table"] = ".".join(_quote(part) for part in (schema, target["table"]) if part)
        target.pop("schema", None)
        written = base | {"target": target, "connections": self._connections(place)}
        place.spec_file.write_text(yaml.safe_dump(written, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def _connections(self, place: Place) -> dict[str, Any]:
        target: dict[str, Any]
        if self.server is None:
            file = place.folder / f"{TARGET}.{FILES[self.engine]}"
            target = {"url": f"{self.engine}:///{file}"}
        else:
            target = _write_connection(self.server)
        return {SOURCE: {"url": f"duckdb:///{self.source}"}, TARGET: target}

    def make_schema(self, place: Place) -> None:
        """Make the schema of a place on the server, if it needs one. Raises ConnectionFailed where that is refused."""

        def make(engine: Engine, session: Session) -> None:
            sql = engine.idioms.create_schema(TableName(table="t", schema=place.schema))
            if sql is None:
                raise ConnectionFailed(
                    "torture needs a target with schemas, or one that is a file: give --engine duckdb"
                )
            session.execute(sql)

        self._on_server(place, make)

    def drop_schema(self, place: Place) -> None:
        """Drop the schema of a place on the server, with all that is in it."""

        def drop(engine: Engine, session: Session) -> None:
            session.execute(f"DROP SCHEMA IF EXISTS {engine.idioms.quote(str(place.schema))} CASCADE")

        self._on_server(place, drop)

    def _on_server(self, place: Place, work: Callable[[Engine, Session], None]) -> None:
        if self.server is None or place.schema is None:
            return
        engine = open_engine(resolve(self.server))
        try:
            with closing(engine.connect()) as session:
                work(engine, session)
        except DatabaseError as error:
            raise ConnectionFailed(
                f"torture makes schemas of its own in the target's database, and that is refused: {error}: "
                "let the user create them, or give --engine duckdb"
            ) from error
        finally:
            engine.close()


def choose_scratch(root: Path, spec: PipelineSpec, engine: str | None, token: str) -> Scratch:
    """The scratch of a spec: its target's kind of database, or the one that is asked for."""
    connection = spec.connection(spec.target.connection)
    kind = engine or resolve(connection).scheme
    server = None if kind in FILES else connection
    return Scratch(root=root, name=f"{SHARED_SCHEMA}_{token}", engine=kind, server=server)


def _write_connection(connection: Connection) -> dict[str, Any]:
    """A connection as a spec writes it, its secrets unresolved."""
    folder = Path(connection.file).absolute().parent if connection.file else Path.cwd()

    def text(secret: SecretText) -> str:
        def locate(found: re.Match[str]) -> str:
            return f"${{file:{(folder / found[2]).resolve()}}}" if found[1] == "file" else found[0]

        return REFERENCE.sub(locate, secret.template)

    options = {key: text(value) if isinstance(value, SecretText) else value for key, value in connection.options}
    return {
        "url": text(connection.url),
        **({"password": text(connection.password)} if connection.password else {}),
        **({"options": options} if options else {}),
    }


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
