"""A laboratory on a PostgreSQL of our own: its users, its options, its bad luck."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from tests.laws.lab import Lab, Outcome
from tests.private_postgres import private_server, until

HURRIED = {"attempts": 3, "first_delay": "50ms", "max_delay": "200ms"}
SPLIT = {"chunk_rows": 10, "min_rows": 0, "workers": 2}
ROWS = 60


class PrivateLab(Lab):
    """Source and target, each a database of its own on the private server where it is PostgreSQL."""

    def __init__(self, folder: Path, source: str = "postgresql", target: str = "postgresql", **database: str) -> None:
        super().__init__(folder)
        self.server = private_server()
        self.engines = {"source": source, "target": target}
        self.databases = {
            side: self.server.create(**database) for side, engine in self.engines.items() if engine == "postgresql"
        }
        self.servers = {side: self.server.url(name) for side, name in self.databases.items()}
        self.users: dict[str, str] = {}
        self.options: dict[str, dict] = {"source": {}, "target": {}}
        self.urls: dict[str, str] = {}

    def connections(self) -> dict:
        """The connections of a spec, by the user and the options that the test has chosen."""
        return {name: self._connection(side) for name, side in (("src", "source"), ("dwh", "target"))}

    def _connection(self, side: str) -> dict:
        if side not in self.databases:
            return {"url": self.url(side)}
        url = self.urls.get(side) or self.server.url(self.databases[side], self.users.get(side, "postgres"))
        return {"url": url, "options": self.options[side]}

    def apply(self, *words: str, **spec) -> Outcome:
        base = {"connections": self.connections(), "key": ["id"], "retry": HURRIED}
        return super().apply(*words, **(base | spec))

    def fill(self, rows: int = ROWS) -> None:
        """A source of so many rows."""
        self.make("CREATE TABLE s (id int PRIMARY KEY, v text)")
        self.make(f"INSERT INTO s SELECT n, 'v' || n FROM generate_series(1, {rows}) AS g (n)")

    def is_whole(self, rows: int = ROWS) -> bool:
        """Whether the target has the rows of the source, each once."""
        query = "SELECT count(*), count(DISTINCT id), md5(string_agg(id || v, ',' ORDER BY id)) FROM "
        [source], [target] = self.read(query + "s", "source"), self.read(query + "t")
        return source == target and source[:2] == (rows, rows)

    def grow(self, rows: int = ROWS) -> None:
        """Every row changed, so that a load has to write all of them."""
        self.make(f"UPDATE s SET v = v || '!' WHERE id <= {rows}")

    @contextmanager
    def session(self, side: str = "target", application: str = "intruder") -> Iterator[psycopg.Connection]:
        """A session of somebody else; what it has not committed goes with it."""
        with closing(psycopg.connect(self.servers[side], application_name=application)) as connection:
            yield connection

    def start(self, *words: str, **spec) -> "Future[Outcome]":
        """Apply in the background."""
        done: Future[Outcome] = Future()

        def work() -> None:
            try:
                done.set_result(self.apply(*words, **spec))
            except BaseException as error:
                done.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return done

    def await_sessions(self, condition: str, side: str = "target", least: int = 1) -> list[int]:
        """The pids of dmsflow's sessions that meet a condition, as soon as there are some."""
        ours = f"application_name = 'dmsflow' AND datname = '{self.databases[side]}' AND ({condition})"
        return self.server.await_sessions(ours, least)

    def await_no_sessions(self, condition: str, side: str = "target") -> None:
        """Wait until no session of dmsflow meets a condition."""
        ours = f"application_name = 'dmsflow' AND datname = '{self.databases[side]}' AND ({condition})"
        until(lambda: not self.server.ask(f"SELECT pid FROM pg_stat_activity WHERE {ours}"))

    def close(self) -> None:
        for name in self.databases.values():
            self.server.run(f"DROP DATABASE {name} WITH (FORCE)")
